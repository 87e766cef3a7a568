"""Ground procedures as coroutines: the words they are written in, the engine that advances them, those that ship."""
