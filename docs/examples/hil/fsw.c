/* Flight software for design `pathfinder` in C: one file, no library, the protocol's fixed layout.
 *
 *     skyrack hil header pathfinder > skyrack_hil.h
 *     gcc -std=c11 -Wall -Wextra -O2 fsw.c -o fsw
 *     ./fsw 5703
 *
 * It turns the array to the sun, keeps the battery warm enough to be charged, and switches the payload off while the
 * charge is low or unknown. It tells all this every ten seconds, and takes two telecommands: the charge below which the
 * payload goes off, and a question whether anybody is there. What it says is in dictionaries/fsw-c.yaml beside the
 * scenario hil-fsw-c. Port 0 takes any that is free.
 */

#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "skyrack_hil.h"

/* ---- frames: what every program at the other end of a line needs ------------------------------------------------- */

enum { ROOM = SKYRACK_MAX_PAYLOAD_BYTES + sizeof(struct skyrack_header) + SKYRACK_CRC_BYTES, LARGEST = 512 };

static uint32_t crc32(const uint8_t *data, size_t size) {
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1u ? 0xedb88320u : 0u);
    }
    return ~crc;
}

static int line = -1;

static void say(uint8_t kind, const void *payload, size_t size) {
    uint8_t frame[LARGEST];
    struct skyrack_header header = {{'S', 'K'}, SKYRACK_VERSION, (uint8_t)(kind | SKYRACK_FIXED), (uint16_t)size, 0};
    if (sizeof header + size + SKYRACK_CRC_BYTES > sizeof frame) return;
    header.check = (uint16_t)crc32((const uint8_t *)&header, 6);
    memcpy(frame, &header, sizeof header);
    memcpy(frame + sizeof header, payload, size);
    uint32_t crc = crc32(frame, sizeof header + size);
    memcpy(frame + sizeof header + size, &crc, sizeof crc);
    size_t whole = sizeof header + size + sizeof crc, sent = 0;
    while (sent < whole) {
        ssize_t taken = send(line, frame + sent, whole - sent, MSG_NOSIGNAL);
        if (taken <= 0) return; /* the line is gone, which the next recv says as well */
        sent += (size_t)taken;
    }
}

/* ---- packets: what the ground hears and says ----------------------------------------------------------------------- */

enum { APID = 100, NO_TELECOMMAND = 1, WRONG_ARGUMENT = 3, OUT_OF_RANGE = 4, SEEN = 64 };
enum { HOUSEKEEPING = 1, PAYLOAD_OFF = 1, PAYLOAD_ON = 2, SET_LIMIT = 1 }; /* numbers of the dictionary */

static struct { /* all that it remembers: the RAM of one boot */
    uint32_t boot;
    uint64_t tick;
    int64_t obt_ns, due_ns;
    double limit;
    bool told, off;
    uint64_t telecommands;
    uint16_t count, seen[SEEN];
    unsigned seen_in_all;
    struct skyrack_fsw_values read;
} fsw;

static uint16_t crc16(const uint8_t *data, size_t size) {
    uint16_t crc = 0xffffu;
    for (size_t i = 0; i < size; i++) {
        crc = (uint16_t)(crc ^ data[i] << 8);
        for (int bit = 0; bit < 8; bit++) crc = (uint16_t)(crc & 0x8000u ? crc << 1 ^ 0x1021 : crc << 1);
    }
    return crc;
}

static uint8_t *put(uint8_t *to, uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; i--) *to++ = (uint8_t)(value >> 8 * i);
    return to;
}

static uint8_t *put_double(uint8_t *to, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return put(to, bits, 8);
}

static uint64_t get(const uint8_t *from, int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value = value << 8 | from[i];
    return value;
}

static void report(uint8_t service, uint8_t subtype, const uint8_t *data, size_t size) {
    uint8_t frame[8 + 256], *packet = frame + 8, *to = packet;
    if (size > 200) return;
    memcpy(frame, &fsw.tick, 8);
    to = put(to, 0x0800u | APID, 2);          /* version 0, telemetry, with a secondary header */
    to = put(to, 0xc000u | (fsw.count++ & 0x3fffu), 2);
    to = put(to, 14 + size + 2 - 1, 2);       /* what follows, less one */
    to = put(to, 0x20, 1);                    /* PUS version 2 */
    to = put(to, service, 1);
    to = put(to, subtype, 1);
    to = put(to, 0, 4);                       /* it counts no types of messages, and has one destination */
    uint64_t seconds = (uint64_t)fsw.obt_ns / 1000000000u, rest_ns = (uint64_t)fsw.obt_ns % 1000000000u;
    to = put(to, seconds, 4);
    to = put(to, (rest_ns << 24) / 1000000000u, 3);
    memcpy(to, data, size);
    to += size;
    to = put(to, crc16(packet, (size_t)(to - packet)), 2);
    say(SKYRACK_TELEMETRY, frame, (size_t)(to - frame));
}

static void verify(uint8_t stage, const uint8_t *request, uint16_t code) {
    uint8_t data[6];
    memcpy(data, request, 4);
    put(data + 4, code, 2);
    report(1, stage, data, code ? 6 : 4);
}

static void event(uint16_t number, double charge) {
    uint8_t data[10];
    put_double(put(data, number, 2), charge);
    report(5, 2, data, sizeof data);
}

static void housekeeping(double charge) {
    uint8_t data[64], *to = put(data, HOUSEKEEPING, 2);
    to = put_double(to, charge);
    to = put_double(to, fsw.limit);
    to = put(to, fsw.off ? 0 : 1, 2);
    to = put(to, fsw.boot, 8);
    to = put(to, fsw.telecommands, 8);
    report(3, 25, data, (size_t)(to - data));
}

static void telecommand(const uint8_t *packet, size_t size) {
    if (size < 13 || crc16(packet, size) != 0) return; /* over the checksum as well it comes out as zero */
    uint16_t count = (uint16_t)(get(packet + 2, 2) & 0x3fff);
    uint8_t service = packet[7], subtype = packet[8];
    const uint8_t *data = packet + 11;
    size_t left = size - 13;
    bool again = false;
    for (unsigned i = 0; i < SEEN && i < fsw.seen_in_all; i++) again = again || fsw.seen[i] == count;
    if (!again) fsw.seen[fsw.seen_in_all++ % SEEN] = count;
    if (service == 17 && subtype == 1 && left == 0) {
        verify(1, packet, 0);
        report(17, 2, data, 0);
        verify(7, packet, 0);
    } else if (service == 8 && subtype == 1 && left >= 2 && get(data, 2) == SET_LIMIT) {
        uint64_t bits = left == 10 ? get(data + 2, 8) : 0;
        double charge;
        memcpy(&charge, &bits, sizeof charge);
        if (left != 10 || !(charge >= 0.0 && charge <= 0.9)) {
            verify(2, packet, left != 10 ? WRONG_ARGUMENT : OUT_OF_RANGE);
            return;
        }
        verify(1, packet, 0);
        if (!again) { /* the ground sends again what it has heard nothing of */
            fsw.limit = charge;
            fsw.telecommands++;
        }
        verify(7, packet, 0);
    } else {
        verify(2, packet, NO_TELECOMMAND);
    }
}

/* ---- flight software ------------------------------------------------------------------------------------------------- */

static void order(uint32_t what, uint32_t element, double value) {
    struct skyrack_order told = {fsw.tick, what, element, value};
    say(SKYRACK_ORDER, &told, sizeof told);
}

static void cycle(void) {
    const double *read = fsw.read.values;
    double charge = read[SKYRACK_FSW_BATTERY_MONITOR_BATTERY_SOC];
    bool known = !isnan(charge) && read[SKYRACK_FSW_BATTERY_MONITOR_AGE_TICKS] <= 5;
    bool cold = read[SKYRACK_FSW_THERMAL_CONTROLLER_THERMAL_TEMPERATURE_K_BATTERY] < 278.15;
    if (!fsw.told) {
        order(SKYRACK_FSW_ORDER_ATTITUDE_MODE, 0, 0);      /* the array faces the sun */
        order(SKYRACK_FSW_ORDER_RADIO_TRANSMITTER, 0, 1);
    }
    order(SKYRACK_FSW_ORDER_THERMAL_CONTROLLER_HEATER, 0, cold ? 1 : 2); /* on, or as its thermostat will */
    bool off = fsw.off;
    if (!known || charge < fsw.limit) off = true;
    if (known && charge > fsw.limit + 0.02) off = false;
    if (off != fsw.off || !fsw.told) {
        order(SKYRACK_FSW_ORDER_ACCELERATORS_ENABLE, 0, off ? 0 : 1);
        order(SKYRACK_FSW_ORDER_PCDU_LCL, SKYRACK_LCL_PAYLOAD, off ? 0 : 1);
        if (off != fsw.off) event(off ? PAYLOAD_OFF : PAYLOAD_ON, known ? charge : 0.0);
    }
    fsw.off = off;
    fsw.told = true;
    if (fsw.obt_ns >= fsw.due_ns) {
        fsw.due_ns = fsw.obt_ns + 10000000000;
        if (known) housekeeping(charge); /* an unknown charge is no number, and no report of it is sent */
    }
}

/* One word; 0 goes on, anything else hangs up. */
static int hear(uint8_t kind, const uint8_t *payload, uint16_t size) {
    static const uint8_t dictionary[8] = SKYRACK_FSW_DICTIONARY;
    if (kind == SKYRACK_HELLO && size == sizeof(struct skyrack_hello)) {
        struct skyrack_hello hello;
        memcpy(&hello, payload, sizeof hello);
        memcpy(hello.dictionary, dictionary, sizeof dictionary);
        memset(hello.device, 0, sizeof hello.device);
        strcpy(hello.device, "fsw");
        hello.flags = SKYRACK_ANSWERS_TICKS;
        say(SKYRACK_HELLO, &hello, sizeof hello);
    } else if (kind == SKYRACK_CYCLE && size == sizeof(struct skyrack_cycle)) {
        struct skyrack_cycle now;
        memcpy(&now, payload, sizeof now);
        if (now.boot != fsw.boot || now.tick < fsw.tick) { /* it was reset, or another run begins: RAM is gone */
            memset(&fsw, 0, sizeof fsw);
            fsw.boot = now.boot;
            fsw.limit = 0.5;
        }
        fsw.tick = now.tick;
        fsw.obt_ns = now.obt_ns < 0 ? 0 : now.obt_ns;
    } else if (kind == SKYRACK_READING && size == sizeof fsw.read) {
        memcpy(&fsw.read, payload, sizeof fsw.read);
    } else if (kind == SKYRACK_TELECOMMAND && size > sizeof(struct skyrack_packet)) {
        telecommand(payload + sizeof(struct skyrack_packet), size - sizeof(struct skyrack_packet));
    } else if (kind == SKYRACK_TICK && size == sizeof(struct skyrack_tick)) {
        cycle();
        say(SKYRACK_TICK, payload, size);
    }
    return kind == SKYRACK_BYE;
}

static void talk(void) {
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
            if (hear(kind, held + at + sizeof header, header.payload_bytes) != 0) return;
            at += covered + SKYRACK_CRC_BYTES;
        }
        memmove(held, held + at, count - at);
        count -= at;
    }
}

int main(int argc, char **argv) {
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 5703))};
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof place;
    int listening = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listening, (struct sockaddr *)&place, size) != 0 || listen(listening, 1) != 0 ||
        getsockname(listening, (struct sockaddr *)&place, &size) != 0) {
        perror("fsw");
        return 1;
    }
    printf("fsw at tcp://127.0.0.1:%d\n", ntohs(place.sin_port));
    fflush(stdout);
    for (;;) {
        line = accept(listening, NULL, NULL);
        if (line < 0) return 1;
        setsockopt(line, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); /* many small frames, and none waits */
        talk();
        close(line);
    }
}
