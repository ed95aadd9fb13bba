#include "CPlatform.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

// What glibc keeps for each thread, as blocks in use whatever is trimmed: seven blocks of each of 64 sizes,
// of which the largest is 1,032 bytes.
enum { cache_sizes = 64, cache_blocks = 7, cache_least = 24, cache_step = 16 };

// Freed blocks as large as this have glibc look at the end of an arena. No smaller than its 64 KiB, and not
// so large that it becomes a mapping.
enum { looked_at = 96 << 10 };

// For a thread that only frees blocks.
enum { small_stack = 256 << 10 };

static void *free_all(void *blocks) {
    while (blocks != NULL) {
        void *next = *(void **)blocks;
        free(blocks);
        blocks = next;
    }
    return NULL;
}

// Has the compiler know nothing of the block, which else would leave out a malloc and its free.
static void *unknown(void *block) {
    __asm__ volatile("" : "+r"(block) : : "memory");
    return block;
}

// Takes all blocks of a size out of the calling thread's cache, and puts them before `blocks`.
static void *take_all(size_t bytes, void *blocks) {
    void *filling[cache_blocks];
    // The cache is made full first: with fewer blocks in it malloc would come to the arena's free ones, and
    // fill the cache with more of them meanwhile. A glibc that keeps more than seven blocks keeps the rest.
    for (size_t i = 0; i < cache_blocks; i++) filling[i] = unknown(malloc(bytes));
    for (size_t i = 0; i < cache_blocks; i++) free(filling[i]);
    for (size_t i = 0; i < cache_blocks; i++) {
        void **block = malloc(bytes);
        if (block == NULL) continue;
        *block = blocks;
        blocks = block;
    }
    return blocks;
}

// Frees those blocks: after a storm many lie alone on their pages. The calling thread would only keep them
// again, so it takes as many as it may have, and a thread that ends at once frees them: with its end they are
// in no cache any more.
static void empty_cache(void) {
    void *blocks = NULL;
    pthread_attr_t attributes;
    pthread_t thread;
    for (size_t i = 0; i < cache_sizes; i++) blocks = take_all(cache_least + cache_step * i, blocks);
    if (pthread_attr_init(&attributes) != 0) {
        free_all(blocks);
        return;
    }
    pthread_attr_setstacksize(&attributes, small_stack);
    // Where no thread can be made the cache stays as it was.
    if (pthread_create(&thread, &attributes, free_all, blocks) == 0) {
        pthread_join(thread, NULL);
    } else {
        free_all(blocks);
    }
    pthread_attr_destroy(&attributes);
}

// malloc_trim gives back the end of the main arena only. The other ends shrink when a block is freed there,
// if they are longer than M_TRIM_THRESHOLD at that moment.
static void trim_end(int threshold) {
    void *volatile block;
    if (threshold <= 0) return;
    mallopt(M_TRIM_THRESHOLD, looked_at);
    block = malloc(looked_at);
    free(block);
    mallopt(M_TRIM_THRESHOLD, threshold);
}

void narthex_rest_thread(int trim_threshold) {
    empty_cache();
    trim_end(trim_threshold);
}

static _Thread_local unsigned long long last_asked;

int narthex_rest_thread_once(unsigned long long asked, int trim_threshold) {
    if (last_asked == asked) return 0;
    last_asked = asked;
    narthex_rest_thread(trim_threshold);
    return 1;
}
