// The checksum by the way that the processor offers, or by the table with NARTHEX_PORTABLE: the vectors of
// RFC 3720 appendix B.4, the definition bit by bit at many lengths and alignments, and cuts.
#include "CPlatform.h"
#include "check.h"

#include <string.h>

static uint32_t by_definition(const uint8_t *bytes, size_t length) {
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0x82F63B78u : crc >> 1;
    }
    return ~crc;
}

int main(int count, char **words) {
    // The way that is expected here.
    CHECK(count == 2);
    CHECK(strcmp(narthex_crc32c_path(), words[1]) == 0);

    uint8_t bytes[4096] = {0};
    CHECK(narthex_crc32c(0, bytes, 32) == 0x8A9136AAu);
    memset(bytes, 0xFF, 32);
    CHECK(narthex_crc32c(0, bytes, 32) == 0x62A8AB43u);
    for (int i = 0; i < 32; i++) bytes[i] = (uint8_t)i;
    CHECK(narthex_crc32c(0, bytes, 32) == 0x46DD794Eu);
    for (int i = 0; i < 32; i++) bytes[i] = (uint8_t)(31 - i);
    CHECK(narthex_crc32c(0, bytes, 32) == 0x113FDB5Cu);
    CHECK(narthex_crc32c(0, "123456789", 9) == 0xE3069283u);
    CHECK(narthex_crc32c(0, bytes, 0) == 0);

    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 151 + i / 256 + 3);
    for (size_t start = 0; start < 17; start++) {
        for (size_t length = 0; length < 130; length++) {
            CHECK(narthex_crc32c(0, bytes + start, length) == by_definition(bytes + start, length));
        }
    }
    const uint32_t whole = by_definition(bytes, sizeof bytes);
    for (size_t cut = 0; cut <= sizeof bytes; cut += 7) {
        const uint32_t first = narthex_crc32c(0, bytes, cut);
        CHECK(narthex_crc32c(first, bytes + cut, sizeof bytes - cut) == whole);
    }
    return 0;
}
