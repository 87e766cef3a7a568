/* A dosimeter of design `pathfinder` in C: one file, no library, the protocol's fixed layout.
 *
 *     skyrack hil header pathfinder > skyrack_hil.h
 *     gcc -std=c11 -Wall -Wextra -O2 dosimeter.c -o dosimeter -lm
 *     ./dosimeter 5702
 *
 * It counts the dose in steps of 1 uGy and the rate in steps of 1 pGy/s, as its counter would, and measures every ten
 * ticks: in between it says nothing, and flight software sees the reading age. Port 0 takes any that is free.
 */

#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "skyrack_hil.h"

enum { ROOM = SKYRACK_MAX_PAYLOAD_BYTES + sizeof(struct skyrack_header) + SKYRACK_CRC_BYTES, EVERY_TICKS = 10 };

static const uint8_t dictionary[8] = SKYRACK_DOSIMETER_DICTIONARY;

static uint32_t crc32(const uint8_t *data, size_t size) {
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1u ? 0xedb88320u : 0u);
    }
    return ~crc;
}

static int say(int line, uint8_t kind, const void *payload, uint16_t size) {
    uint8_t frame[256];
    struct skyrack_header header = {{'S', 'K'}, SKYRACK_VERSION, (uint8_t)(kind | SKYRACK_FIXED), size, 0};
    if (sizeof header + size + SKYRACK_CRC_BYTES > sizeof frame) return -1;
    header.check = (uint16_t)crc32((const uint8_t *)&header, 6);
    memcpy(frame, &header, sizeof header);
    memcpy(frame + sizeof header, payload, size);
    uint32_t crc = crc32(frame, sizeof header + size);
    memcpy(frame + sizeof header + size, &crc, sizeof crc);
    size_t whole = sizeof header + size + sizeof crc, sent = 0;
    while (sent < whole) {
        ssize_t taken = send(line, frame + sent, whole - sent, MSG_NOSIGNAL);
        if (taken <= 0) return -1;
        sent += (size_t)taken;
    }
    return 0;
}

/* One word; 0 goes on, anything else hangs up. */
static int hear(int line, uint8_t kind, const uint8_t *payload, uint16_t size) {
    if (kind == SKYRACK_HELLO && size == sizeof(struct skyrack_hello)) {
        struct skyrack_hello hello;
        memcpy(&hello, payload, sizeof hello);
        memcpy(hello.dictionary, dictionary, sizeof dictionary);
        memset(hello.device, 0, sizeof hello.device);
        strcpy(hello.device, "dosimeter");
        hello.flags = SKYRACK_ANSWERS_TICKS;
        return say(line, SKYRACK_HELLO, &hello, sizeof hello);
    }
    if (kind == SKYRACK_SAMPLE && size == sizeof(struct skyrack_dosimeter_values)) {
        struct skyrack_dosimeter_values felt;
        memcpy(&felt, payload, sizeof felt);
        if (felt.tick % EVERY_TICKS != 0) return 0;
        double *dose_gy = &felt.values[SKYRACK_DOSIMETER_DOSE_GY];
        double *rate_gy_s = &felt.values[SKYRACK_DOSIMETER_DOSE_RATE_GY_S];
        *dose_gy = floor(*dose_gy * 1e6) / 1e6;
        *rate_gy_s = floor(*rate_gy_s * 1e12) / 1e12;
        return say(line, SKYRACK_READING, &felt, sizeof felt);
    }
    if (kind == SKYRACK_TICK && size == sizeof(struct skyrack_tick)) return say(line, SKYRACK_TICK, payload, size);
    return kind == SKYRACK_BYE; /* orders: it has nothing to switch */
}

static void talk(int line) {
    static uint8_t held[2 * ROOM];
    size_t count = 0;
    for (;;) {
        ssize_t got = recv(line, held + count, sizeof held - count, 0);
        if (got <= 0) return;
        count += (size_t)got;
        size_t at = 0;
        while (count - at >= sizeof(struct skyrack_header)) {
            struct skyrack_header header;
            memcpy(&header, held + at, sizeof header);
            if (memcmp(header.magic, "SK", 2) != 0 || header.payload_bytes > SKYRACK_MAX_PAYLOAD_BYTES ||
                header.check != (uint16_t)crc32(held + at, 6)) {
                at++; /* not the beginning of a frame */
                continue;
            }
            size_t covered = sizeof header + header.payload_bytes;
            if (count - at < covered + SKYRACK_CRC_BYTES) break;
            uint32_t crc;
            memcpy(&crc, held + at + covered, sizeof crc);
            if (crc != crc32(held + at, covered)) {
                at++;
                continue;
            }
            uint8_t kind = header.kind & (uint8_t)~SKYRACK_FIXED;
            if (hear(line, kind, held + at + sizeof header, header.payload_bytes) != 0) return;
            at += covered + SKYRACK_CRC_BYTES;
        }
        memmove(held, held + at, count - at);
        count -= at;
    }
}

int main(int argc, char **argv) {
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 5702))};
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof place;
    int listening = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listening, (struct sockaddr *)&place, size) != 0 || listen(listening, 1) != 0 ||
        getsockname(listening, (struct sockaddr *)&place, &size) != 0) {
        perror("dosimeter");
        return 1;
    }
    printf("dosimeter at tcp://127.0.0.1:%d\n", ntohs(place.sin_port));
    fflush(stdout);
    for (;;) {
        int line = accept(listening, NULL, NULL);
        if (line < 0) return 1;
        talk(line);
        close(line);
    }
}
