"""How a client asks one of our servers: with its token, forms out and forms in, checked when they come."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from bus.errors import HandshakeRefused, RangeFailure, SkyrackError, UserError

_T = TypeVar("_T", bound=BaseModel)
_R = TypeVar("_R")
TIMEOUT_S = 30.0


class Asker(ABC):
    """Base of the clients. Every call raises UserError for what the server refuses (with its reason), RangeFailure
    where it cannot be reached, HandshakeRefused for a wrong token or an API of another version. `where`: the folder in
    a run's directory in which its tokens are, named as the command that serves it."""

    where: ClassVar[str]

    def __init__(self, url: str, token: str) -> None:
        self.url, self._token = url.rstrip("/"), token
        headers = {"authorization": f"Bearer {token}"}
        self._http = httpx.AsyncClient(
            base_url=f"{self.url}/api/v1", headers=headers, timeout=TIMEOUT_S, trust_env=False
        )

    async def __aenter__(self) -> Self:
        """Asks who is there, so that a wrong token or version is told at once."""
        try:
            await self.about()
        except BaseException:
            await self._http.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    @abstractmethod
    async def about(self) -> BaseModel:
        """Who answers."""

    def same_version(self, theirs: str, ours: str) -> None:
        """Raises HandshakeRefused where they differ."""
        if theirs != ours:
            raise HandshakeRefused(
                f"the API at {self.url} has version {theirs}, this console speaks {ours}",
                hint="start both from one release",
            )

    async def _one(self, form: type[_T], path: str, **query: Any) -> _T:
        return checked(form, await self._get(path, **query))

    async def _many(self, form: type[_T], path: str, **query: Any) -> list[_T]:
        return checked(list[form], await self._get(path, **query))  # type: ignore[valid-type]

    async def _get(self, path: str, **query: Any) -> Any:
        return await self._ask("GET", path, None, query)

    async def _post(self, form: type[_R], path: str, body: BaseModel | None, **query: Any) -> _R:
        return checked(form, await self._ask("POST", path, body, query))

    async def _ask(self, method: str, path: str, body: BaseModel | None, query: Mapping[str, Any]) -> Any:
        params = {name: value for name, value in query.items() if value is not None and value != ""}
        content = None if body is None else body.model_dump_json()
        headers = {"content-type": "application/json"}
        limit_s = httpx.Timeout(TIMEOUT_S + float(query.get("wait_s") or 0.0))

        async def ask() -> httpx.Response:
            return await self._http.request(
                method, path, params=params, content=content, headers=headers, timeout=limit_s
            )

        try:
            try:
                found = await ask()
            except httpx.RemoteProtocolError:  # a connection that had been idle was closed as we asked
                if method != "GET":
                    raise
                found = await ask()
        except httpx.HTTPError as error:
            raise RangeFailure(
                f"{self.url} cannot be reached: {error or type(error).__name__}",
                hint=f"is `skyrack {self.where}` running there?",
            ) from error
        if found.status_code == 200:
            return found.json()
        raise self._refusal(found)

    def _refusal(self, found: httpx.Response) -> SkyrackError:
        """What the server said, as one of our errors."""
        try:
            said = found.json()
        except ValueError:
            said = {}
        detail = said.get("detail", found.text[:200]) if isinstance(said, dict) else str(said)
        if isinstance(detail, list):  # a form that does not fit, as FastAPI tells it
            detail = "; ".join(f"{'.'.join(map(str, each.get('loc', ())))}: {each.get('msg', '')}" for each in detail)
        hint = str(said.get("hint", "")) if isinstance(said, dict) else ""
        if found.status_code in (401, 421):
            return HandshakeRefused(str(detail), hint=f"the token is in the run's directory, {self.where}/")
        return RangeFailure(str(detail), hint=hint) if found.status_code >= 500 else UserError(str(detail), hint=hint)


def checked(form: type[_R], content: Any) -> _R:
    """An answer in its form. Raises HandshakeRefused where it has another."""
    try:
        return TypeAdapter(form).validate_python(content)
    except ValidationError as error:
        raise HandshakeRefused(
            f"the server answers in another form: {error.error_count()} fields differ",
            hint="start both from one release",
        ) from error
