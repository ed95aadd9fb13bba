// The C face on RE2: what is found, where the groups are, and what is refused.
#include "CRE2.h"
#include "check.h"

#include <string.h>

static narthex_regex *compiled(const char *pattern) {
    char reason[100];
    bool is_too_large = true;
    narthex_regex *regex = narthex_regex_compile(
        (const uint8_t *)pattern, strlen(pattern), 1 << 20, reason, sizeof reason, &is_too_large);
    CHECK(regex != NULL && !is_too_large);
    return regex;
}

static bool matches(const narthex_regex *regex, const char *text, int32_t *ranges, int32_t count) {
    return narthex_regex_match(regex, (const uint8_t *)text, strlen(text), ranges, count);
}

int main(void) {
    narthex_regex *regex = compiled("^(?s:([a-z]+):(?P<port>\\d+)|(x))$");
    CHECK(narthex_regex_group_count(regex) == 3);
    CHECK(narthex_regex_group_named(regex, (const uint8_t *)"port", 4) == 2);
    CHECK(narthex_regex_group_named(regex, (const uint8_t *)"host", 4) == -1);
    int32_t ranges[8];
    CHECK(matches(regex, "host:9090", ranges, 4));
    const int32_t expected[8] = {0, 9, 0, 4, 5, 9, -1, -1};
    CHECK(memcmp(ranges, expected, sizeof expected) == 0);
    CHECK(!matches(regex, "host", NULL, 0) && matches(regex, "x", NULL, 0));
    narthex_regex_free(regex);

    regex = compiled("");
    CHECK(matches(regex, "", ranges, 1) && ranges[0] == 0 && ranges[1] == 0);
    narthex_regex_free(regex);

    regex = compiled("\xC3\xA9+");
    CHECK(matches(regex, "caf\xC3\xA9", ranges, 1) && ranges[0] == 3 && ranges[1] == 5);
    narthex_regex_free(regex);

    char reason[100];
    bool is_too_large = false;
    regex = narthex_regex_compile((const uint8_t *)"(", 1, 1 << 20, reason, sizeof reason, &is_too_large);
    CHECK(regex == NULL && !is_too_large && reason[0] != 0);
    const char *large = "((a{100}){100}){100}";
    CHECK(narthex_regex_compile(
              (const uint8_t *)large, strlen(large), 1 << 12, reason, sizeof reason, &is_too_large) == NULL);
    return 0;
}
