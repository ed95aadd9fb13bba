#include "CRE2.h"

#include <re2/re2.h>
#include <re2/stringpiece.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <string>
#include <vector>

using re2::RE2;
using re2::StringPiece;

struct narthex_regex {
    narthex_regex(const StringPiece &pattern, const RE2::Options &options) : re2(pattern, options) {}
    RE2 re2;
};

static void copy_reason(const char *text, char *reason, size_t capacity) {
    if (capacity == 0) return;
    const size_t length = std::min(std::strlen(text), capacity - 1);
    std::memcpy(reason, text, length);
    reason[length] = 0;
}

extern "C" narthex_regex *narthex_regex_compile(
    const uint8_t *pattern, size_t length, int64_t max_bytes, char *reason, size_t reason_capacity,
    bool *is_too_large) {
    *is_too_large = false;
    // No exception may cross into Swift.
    try {
        RE2::Options options;
        options.set_log_errors(false);
        options.set_max_mem(max_bytes);
        auto *regex = new narthex_regex(
            StringPiece(reinterpret_cast<const char *>(pattern), length), options);
        if (regex->re2.ok()) return regex;
        *is_too_large = regex->re2.error_code() == RE2::ErrorPatternTooLarge;
        std::string text = regex->re2.error();
        // Where RE2 names no place it repeats the whole pattern, which the caller knows.
        const size_t repeated = regex->re2.error_arg().size();
        if (repeated == length && text.size() > repeated + 2) text.resize(text.size() - repeated - 2);
        copy_reason(text.c_str(), reason, reason_capacity);
        delete regex;
    } catch (const std::bad_alloc &) {
        copy_reason("out of memory", reason, reason_capacity);
    }
    return nullptr;
}

extern "C" void narthex_regex_free(narthex_regex *regex) { delete regex; }

extern "C" int32_t narthex_regex_group_count(const narthex_regex *regex) {
    return regex->re2.NumberOfCapturingGroups();
}

extern "C" int32_t narthex_regex_group_named(
    const narthex_regex *regex, const uint8_t *name, size_t length) {
    const auto &groups = regex->re2.NamedCapturingGroups();
    const auto found = groups.find(std::string(reinterpret_cast<const char *>(name), length));
    return found == groups.end() ? -1 : found->second;
}

extern "C" bool narthex_regex_match(
    const narthex_regex *regex, const uint8_t *text, size_t length, int32_t *ranges, int32_t range_count) {
    // A null pointer would look like "no text" to RE2's submatches.
    const char *start = length == 0 ? "" : reinterpret_cast<const char *>(text);
    const StringPiece whole(start, length);
    if (range_count <= 0) {
        return regex->re2.Match(whole, 0, length, RE2::UNANCHORED, nullptr, 0);
    }
    StringPiece few[16];
    std::vector<StringPiece> many;
    StringPiece *found = few;
    if (range_count > 16) {
        many.resize(range_count);
        found = many.data();
    }
    if (!regex->re2.Match(whole, 0, length, RE2::UNANCHORED, found, range_count)) return false;
    for (int32_t index = 0; index < range_count; index++) {
        const bool took_part = found[index].data() != nullptr;
        ranges[2 * index] = took_part ? static_cast<int32_t>(found[index].data() - start) : -1;
        ranges[2 * index + 1] =
            took_part ? static_cast<int32_t>(found[index].data() - start + found[index].size()) : -1;
    }
    return true;
}
