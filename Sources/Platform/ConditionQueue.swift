import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// An unbounded first-in first-out queue that threads wait on. Its bound is kept by those who put in: each
/// waits for its own item to be done.
@safe public final class ConditionQueue<Element: Sendable>: @unchecked Sendable {  // `mutex` guards it.
    // @unchecked: `items` and `closed` are touched only while `mutex` is held.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    // What was popped leaves a nil behind, so that what it holds lives no longer than its user needs it.
    private var items: [Element?] = []
    private var head = 0
    private var closed = false

    public init() {
        // Safety: both are initialised here, never moved, and freed in deinit.
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe condition.initialize(to: pthread_cond_t())
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Adds an item and wakes one waiter; false when the queue is closed.
    public func push(_ element: Element) -> Bool {
        unsafe pthread_mutex_lock(mutex)
        guard !closed else {
            unsafe pthread_mutex_unlock(mutex)
            return false
        }
        items.append(element)
        unsafe pthread_mutex_unlock(mutex)
        // After the unlock: a waiter that is woken before it only waits again, for the lock.
        unsafe pthread_cond_signal(condition)
        return true
    }

    /// Waits for the next item; nil once the queue is closed and empty.
    public func pop() -> Element? {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while head == items.count {
            if closed { return nil }
            unsafe pthread_cond_wait(condition, mutex)
        }
        let element = items[head].take()
        head += 1
        if head == items.count {
            items.removeAll(keepingCapacity: items.capacity <= 1_024)
            head = 0
        } else if head >= 1_024, head * 2 >= items.count {
            items.removeFirst(head)
            head = 0
        }
        return element
    }

    /// No more items; waiters finish what is there.
    public func close() {
        unsafe pthread_mutex_lock(mutex)
        closed = true
        unsafe pthread_cond_broadcast(condition)
        unsafe pthread_mutex_unlock(mutex)
    }
}
