#if canImport(Glibc)
import Glibc
#endif

/// The deadlines of all waits on events by the kernel's monotonic clock, kept by one thread.
///
/// A wait puts its deadline in and takes it out again when it has ended, which wakes nobody unless the
/// deadline is earlier than the one that the thread sleeps for. As a task that sleeps, a deadline cost two
/// tasks, a timer of Dispatch and its cancellation: together a tenth of the agent's processor time.
@safe final class DeadlineQueue: @unchecked Sendable {  // `mutex` guards it.
    // @unchecked: what varies is touched only while `mutex` is held.

    /// Of this process. Its thread begins with the first deadline.
    static let process = DeadlineQueue()

    /// A deadline in the queue.
    struct Ticket: Comparable {
        let deadlineNs: UInt64
        /// Tells deadlines of the same moment apart.
        let number: UInt64

        static func < (left: Ticket, right: Ticket) -> Bool {
            (left.deadlineNs, left.number) < (right.deadlineNs, right.number)
        }
    }

    private struct Entry {
        let ticket: Ticket
        let passed: @Sendable () -> Void
    }

    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    /// The earliest is last.
    private var entries: [Entry] = []
    private var nextNumber: UInt64 = 0
    /// What the thread sleeps for; it may be a deadline that was taken out.
    private var sleepsUntilNs: UInt64 = 0
    private var hasThread = false

    init() {
        // Safety: both are initialised here, never moved, and freed in deinit.
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe condition.initialize(to: pthread_cond_t())
        unsafe pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// How many deadlines are in it.
    var count: Int { locked { entries.count } }

    /// Begins the thread, if it has not begun. False when it cannot be made now.
    func begin() -> Bool {
        locked {
            if hasThread { return true }
            do throws(ThreadError) {
                try SystemThread.start(name: "deadlines", stackSizeBytes: 128 * 1024) { self.run() }
                hasThread = true
            } catch {
                // The caller waits in another way, and the next one tries again.
            }
            return hasThread
        }
    }

    /// Calls `passed` once the monotonic clock has reached `deadlineNs`, on the queue's thread: it must be
    /// short. `begin` must have returned true before.
    func add(_ deadlineNs: UInt64, _ passed: @escaping @Sendable () -> Void) -> Ticket {
        let (ticket, isEarliest) = locked {
            precondition(hasThread, "a deadline is kept by the queue's thread")
            let ticket = Ticket(deadlineNs: deadlineNs, number: nextNumber)
            nextNumber += 1
            entries.insert(Entry(ticket: ticket, passed: passed), at: place(of: ticket))
            return (ticket, deadlineNs < sleepsUntilNs)
        }
        if isEarliest { unsafe pthread_cond_signal(condition) }
        return ticket
    }

    /// Takes a deadline out; nothing happens when it has passed.
    func remove(_ ticket: Ticket) {
        // What is let go of is let go of without the lock.
        let removed = locked { () -> Entry? in
            let place = place(of: ticket)
            guard place < entries.count, entries[place].ticket == ticket else { return nil }
            return entries.remove(at: place)
        }
        _ = removed
    }

    /// Where the ticket stands, or would stand: behind all that are later.
    private func place(of ticket: Ticket) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].ticket > ticket { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The thread's work, which has no end: it is the process' own queue.
    private func run() {
        let clock = SystemClock()
        var passed: [@Sendable () -> Void] = []
        while true {
            locked {
                while true {
                    let nowNs = clock.monotonicNs
                    while let entry = entries.last, entry.ticket.deadlineNs <= nowNs {
                        passed.append(entry.passed)
                        entries.removeLast()
                    }
                    guard passed.isEmpty else { break }
                    sleepsUntilNs = entries.last?.ticket.deadlineNs ?? .max
                    sleep(untilNs: sleepsUntilNs)
                }
                // The thread is awake while it calls these, so a deadline added meanwhile need not wake it.
                sleepsUntilNs = 0
            }
            for call in passed { call() }
            passed.removeAll(keepingCapacity: true)
        }
    }

    /// Waits for a signal, and no longer than until `deadlineNs`. The lock is held.
    private func sleep(untilNs deadlineNs: UInt64) {
        // In about 292 years nobody waits any more.
        guard deadlineNs < UInt64(Int64.max) else {
            unsafe pthread_cond_wait(condition, mutex)
            return
        }
        var until = timespec()
        until.tv_sec = Int(deadlineNs / 1_000_000_000)
        until.tv_nsec = Int(deadlineNs % 1_000_000_000)
        // Safety: `until` lives through the call.
        _ = unsafe pthread_cond_timedwait(condition, mutex, &until)
    }

    private func locked<Value>(_ body: () -> Value) -> Value {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return body()
    }
}
