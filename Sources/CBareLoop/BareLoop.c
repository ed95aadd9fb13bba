#define _GNU_SOURCE
#include "BareLoop.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

// As large as a page of some thousand series is: fewer calls of the kernel than with libcurl's 16 KiB.
static const long receive_bytes = 128 * 1024;
static const long timeout_ms = 10000;
// The longest wait between two questions whether to go on.
static const int question_ms = 500;

static double now_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double thread_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static size_t throw_away(char *bytes, size_t size, size_t count, void *received) {
    (void)bytes;
    *(uint64_t *)received += size * count;
    return size * count;
}

// What a transfer that is told to fail has as its private pointer.
static char told_to_fail;

static CURL *new_transfer(const char *url, struct curl_slist *headers, uint64_t *received, int fails) {
    CURL *transfer = curl_easy_init();
    if (transfer == NULL) return NULL;
    curl_easy_setopt(transfer, CURLOPT_URL, url);
    curl_easy_setopt(transfer, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(transfer, CURLOPT_WRITEFUNCTION, throw_away);
    curl_easy_setopt(transfer, CURLOPT_WRITEDATA, received);
    curl_easy_setopt(transfer, CURLOPT_BUFFERSIZE, receive_bytes);
    curl_easy_setopt(transfer, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(transfer, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(transfer, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(transfer, CURLOPT_PRIVATE, fails ? &told_to_fail : NULL);
    return transfer;
}

// Takes what has ended out of the multi handle; counts it if `measures`.
static void collect(CURLM *multi, int measures, struct narthex_bare_loop_result *result) {
    int left = 0;
    for (CURLMsg *message = curl_multi_info_read(multi, &left); message != NULL;
         message = curl_multi_info_read(multi, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        CURL *transfer = message->easy_handle;
        long status = 0;
        curl_easy_getinfo(transfer, CURLINFO_RESPONSE_CODE, &status);
        char *mark = NULL;
        curl_easy_getinfo(transfer, CURLINFO_PRIVATE, &mark);
        int is_told = mark == &told_to_fail && message->data.result == CURLE_OK;
        int is_good = message->data.result == CURLE_OK && status == 200;
        curl_multi_remove_handle(multi, transfer);
        if (!measures) continue;
        if (is_good) result->pages += 1;
        else if (!is_told) result->failures += 1;
    }
}

static int run(CURLM *multi, CURL **transfers, size_t count, double interval, double seconds,
               int (*goes_on)(void *), void *context, uint64_t *received,
               struct narthex_bare_loop_result *result) {
    double start = now_seconds(), cpu = 0;
    uint64_t begun = 0, bytes = 0;
    int measures = 0, running = 0;
    for (;;) {
        double elapsed = now_seconds() - start;
        if (!measures && elapsed >= interval) {
            measures = 1;
            cpu = thread_seconds();
            bytes = *received;
        }
        if (elapsed >= interval + seconds || !goes_on(context)) break;
        // Transfer n is due n / count intervals after the start. One that still runs misses its turn.
        while ((double)begun * interval / (double)count <= elapsed) {
            curl_multi_add_handle(multi, transfers[begun % count]);
            begun += 1;
        }
        if (curl_multi_perform(multi, &running) != CURLM_OK) return -1;
        collect(multi, measures, result);
        double next = (double)begun * interval / (double)count - (now_seconds() - start);
        int wait_ms = next <= 0 ? 0 : (int)(next * 1000) + 1;
        if (wait_ms > question_ms) wait_ms = question_ms;
        if (wait_ms > 0 && curl_multi_poll(multi, NULL, 0, wait_ms, NULL) != CURLM_OK) return -1;
    }
    result->cpu_seconds = thread_seconds() - cpu;
    result->bytes = *received - bytes;
    return 0;
}

int narthex_bare_loop(const char *const *urls, size_t count, size_t failing, double interval_seconds,
                      double seconds, const char *accept_encoding, int (*goes_on)(void *), void *context,
                      struct narthex_bare_loop_result *result) {
    *result = (struct narthex_bare_loop_result){0};
    if (count == 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return -1;
    CURLM *multi = curl_multi_init();
    CURL **transfers = calloc(count, sizeof *transfers);
    struct curl_slist *headers = NULL;
    uint64_t received = 0;
    int status = multi == NULL || transfers == NULL ? -1 : 0;
    if (accept_encoding != NULL) {
        char line[128];
        snprintf(line, sizeof line, "Accept-Encoding: %s", accept_encoding);
        headers = curl_slist_append(NULL, line);
        if (headers == NULL) status = -1;
    }
    for (size_t i = 0; status == 0 && i < count; i++) {
        transfers[i] = new_transfer(urls[i], headers, &received, count - i <= failing);
        if (transfers[i] == NULL) status = -1;
    }
    if (status == 0) {
        curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)count);
        status = run(multi, transfers, count, interval_seconds, seconds, goes_on, context, &received,
                     result);
    }
    for (size_t i = 0; transfers != NULL && i < count; i++) {
        if (transfers[i] == NULL) continue;
        if (multi != NULL) curl_multi_remove_handle(multi, transfers[i]);
        curl_easy_cleanup(transfers[i]);
    }
    free(transfers);
    curl_slist_free_all(headers);
    if (multi != NULL) curl_multi_cleanup(multi);
    return status;
}
