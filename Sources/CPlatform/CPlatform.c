#define _GNU_SOURCE
#include "CPlatform.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <string.h>

#if defined(__aarch64__)
#include <arm_acle.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

static uint32_t table[256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void build_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0x82F63B78u & (0u - (crc & 1u)));
        }
        table[i] = crc;
    }
}

static uint32_t crc_by_table(uint32_t crc, const uint8_t *p, size_t length) {
    pthread_once(&table_once, build_table);
    while (length > 0) {
        crc = (crc >> 8) ^ table[(crc ^ *p++) & 0xFF];
        length--;
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_by_instruction(uint32_t crc, const uint8_t *p,
                                                                     size_t length) {
    uint64_t wide = crc;
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        wide = __builtin_ia32_crc32di(wide, word);
        p += 8;
        length -= 8;
    }
    crc = (uint32_t)wide;
    while (length > 0) {
        crc = __builtin_ia32_crc32qi(crc, *p++);
        length--;
    }
    return crc;
}
static int has_instruction(void) { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__aarch64__)
__attribute__((target("+crc"))) static uint32_t crc_by_instruction(uint32_t crc, const uint8_t *p,
                                                                   size_t length) {
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        crc = __crc32cd(crc, word);
        p += 8;
        length -= 8;
    }
    while (length > 0) {
        crc = __crc32cb(crc, *p++);
        length--;
    }
    return crc;
}
static int has_instruction(void) { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }
#else
static uint32_t crc_by_instruction(uint32_t crc, const uint8_t *p, size_t length) {
    return crc_by_table(crc, p, length);
}
static int has_instruction(void) { return 0; }
#endif

uint32_t narthex_crc32c(uint32_t crc, const void *bytes, size_t length) {
    const uint8_t *p = bytes;
    crc = ~crc;
    crc = has_instruction() ? crc_by_instruction(crc, p, length) : crc_by_table(crc, p, length);
    return ~crc;
}

int narthex_open(const char *path, int flags, unsigned int mode) { return open(path, flags, (mode_t)mode); }

int narthex_reserve(int descriptor, uint64_t length) {
    return fallocate(descriptor, FALLOC_FL_KEEP_SIZE, 0, (off_t)length);
}

void narthex_name_thread(const char *name) {
    char kept[16] = {0};
    strncpy(kept, name, sizeof kept - 1);
    pthread_setname_np(pthread_self(), kept);
}

void narthex_trim_heap(void) { malloc_trim(0); }

void narthex_limit_arenas(int arenas) { mallopt(M_ARENA_MAX, arenas); }
