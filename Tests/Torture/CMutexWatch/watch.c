// Only for the thread sanitizer. A Mutex of Swift's Synchronization is taken by inlined code, which the
// sanitizer sees, unless another thread holds it: then a function of libswiftSynchronization waits for it by
// a futex. That library is not compiled with the sanitizer, so a lock that is handed over there looks as if
// nobody had taken it, and everything behind it as a race. Here are the same functions, compiled with it. The
// program's own symbols come before those of shared libraries, so its inlined code calls these.
//
// A lock is the number of the thread that holds it, or 0. A lock that nobody waits for by futex has no other
// bits.
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#define SWIFT __attribute__((swiftcall))
#define LOCK __attribute__((swift_context)) _Atomic(uint32_t) *lock
#define HANDLE(rest) __asm__("$s15Synchronization12_MutexHandleV" rest)

// _MutexHandle._lockSlow(_: UInt32)
SWIFT void narthex_watch_lock(uint32_t own, LOCK) HANDLE("9_lockSlowyys6UInt32VF");
// _MutexHandle._tryLockSlow() -> Bool
SWIFT bool narthex_watch_try_lock(LOCK) HANDLE("12_tryLockSlowSbyF");
// _MutexHandle._unlockSlow()
SWIFT void narthex_watch_unlock(LOCK) HANDLE("11_unlockSlowyyF");

SWIFT void narthex_watch_lock(uint32_t own, LOCK) {
    uint32_t nobody = 0;
    while (!atomic_compare_exchange_weak_explicit(
        lock, &nobody, own, memory_order_acquire, memory_order_relaxed)) {
        nobody = 0;
        usleep(50);
    }
}

SWIFT bool narthex_watch_try_lock(LOCK) {
    (void)lock;
    return false;
}

SWIFT void narthex_watch_unlock(LOCK) { atomic_store_explicit(lock, 0, memory_order_release); }
