/// What a body costs its client, until it is let go.
enum BodyClaim: Sendable, Equatable {
    /// Nothing: it is small, or its request takes no slot.
    case none
    /// One of the body slots.
    case slot
    /// What was charged for it, of the bytes that bodies without a slot may hold together.
    case bytes(Int)
}

/// Who may hold a large body in memory, decided without doing anything.
///
/// A body beyond `inlineBytes` needs a slot. Without a free one it waits, its transfer paused. A slot is held
/// until the body is let go, so slow consumers hold up what comes after them; slow senders must not: a holder
/// that receives less than `slowBytes` in `slowWindowNs` while others wait gives its slot up, and its memory
/// is counted by the byte instead, within `bytesLimit`.
struct BodySlots {
    /// Bodies up to this size need no slot.
    static let inlineBytes = 8 << 10
    /// 250 ms, four times in the second that a short scrape timeout has.
    static let slowWindowNs: UInt64 = 250_000_000
    /// 256 KiB a second: the slowest a sender may be while others wait.
    static let slowBytes = 64 << 10
    /// After so many slow windows one after the other, while others wait, a sender has stalled: 1 s.
    static let stalledWindows = 4

    private struct Progress {
        var windowStartNs: UInt64
        var windowBytes = 0
        var totalBytes: Int
        var slowWindows = 0
    }

    /// Takes most bodies whole, and stays below the 128 KiB from which on malloc maps memory for each.
    private static let wholeBodyBytes = 120 << 10

    let capacity: Int
    let bytesLimit: Int
    private var receiving: [UInt64: Progress] = [:]
    private var waiting: [UInt64] = []
    /// Slots of bodies that are whole and not let go yet.
    private var heldByConsumers = 0
    private(set) var unslottedBytes = 0

    init(capacity: Int, bytesLimit: Int) {
        precondition(capacity > 0, "without a slot no large body is ever received")
        self.capacity = capacity
        self.bytesLimit = bytesLimit
    }

    var hasWaiters: Bool { !waiting.isEmpty }
    var waiterCount: Int { waiting.count }
    var slotsInUse: Int { receiving.count + heldByConsumers }
    /// Consumers hold every slot: a new transfer would only wait in memory, so it had better not begin.
    var consumersAreBehind: Bool { heldByConsumers >= capacity }

    /// libcurl's receive buffer, which is also what a paused transfer may hold: small when thousands are in
    /// flight. One that can be sure of a slot is not paused, and takes a whole body at once:
    /// each filling costs a turn of epoll and of libcurl's state machine.
    func receiveBytes(inFlight: Int) -> Int {
        if inFlight + slotsInUse < capacity / 2 { return Self.wholeBodyBytes }
        return inFlight < 64 ? 64 << 10 : inFlight < 512 ? 16 << 10 : 8 << 10
    }

    /// A body of `sizeBytes` so far needs a slot. False: it waits in line.
    mutating func want(_ id: UInt64, sizeBytes: Int, nowNs: UInt64) -> Bool {
        guard slotsInUse < capacity, waiting.isEmpty else {
            waiting.append(id)
            return false
        }
        receiving[id] = Progress(windowStartNs: nowNs, totalBytes: sizeBytes)
        return true
    }

    /// A slot's holder received `bytes` more.
    mutating func received(_ id: UInt64, bytes: Int) {
        receiving[id]?.windowBytes += bytes
        receiving[id]?.totalBytes += bytes
    }

    /// A slot's holder waits for memory, so it is not slow in the window that runs.
    mutating func waitsForMemory(_ id: UInt64) { receiving[id]?.windowBytes = Self.slowBytes }

    /// Bytes of a body without a slot. False, and nothing counted, when there are too many already.
    mutating func charge(_ bytes: Int) -> Bool {
        guard bytes <= bytesLimit - unslottedBytes else { return false }
        unslottedBytes += bytes
        return true
    }

    /// Bytes charged are free again.
    mutating func discharge(_ bytes: Int) {
        unslottedBytes -= bytes
        precondition(unslottedBytes >= 0, "no more is given back than was charged")
    }

    /// The transfer is over. `keepsBody`: its body went to the consumer, who gives the slot back later.
    mutating func ended(_ id: UInt64, keepsBody: Bool) {
        if receiving.removeValue(forKey: id) != nil {
            if keepsBody { heldByConsumers += 1 }
        } else if let index = waiting.firstIndex(of: id) {
            waiting.remove(at: index)
        }
    }

    /// Consumers let go of `count` bodies that held slots.
    mutating func releasedByConsumers(_ count: Int) {
        heldByConsumers -= count
        precondition(heldByConsumers >= 0, "a slot is given back once")
    }

    /// Those in line whose turn it is; each holds a slot now. `sizeBytes` tells what each has received so
    /// far.
    mutating func grant(nowNs: UInt64, sizeBytes: (UInt64) -> Int) -> [UInt64] {
        let count = min(waiting.count, capacity - slotsInUse)
        guard count > 0 else { return [] }
        let granted = Array(waiting.prefix(count))
        waiting.removeFirst(count)
        for id in granted { receiving[id] = Progress(windowStartNs: nowNs, totalBytes: sizeBytes(id)) }
        return granted
    }

    /// While others wait: the holders whose senders are slow. They hold no slot any more; charge what they
    /// hold. `othersWait` says that somebody waits for memory. Bodies without a slot may hold `leftBytes`
    /// more together: whoever does not fit in what is left of that keeps its slot, until it has stalled
    /// (`stalled`).
    mutating func takeSlotsOfSlowSenders(
        nowNs: UInt64, othersWait: Bool = false, leftBytes: Int = .max
    ) -> [(id: UInt64, sizeBytes: Int)] {
        guard hasWaiters || othersWait else { return [] }
        var slow: [(id: UInt64, sizeBytes: Int)] = []
        var leftBytes = leftBytes
        for (id, progress) in receiving where nowNs >= progress.windowStartNs + Self.slowWindowNs {
            let isSlow = progress.windowBytes < Self.slowBytes
            if isSlow, progress.totalBytes <= leftBytes {
                leftBytes -= progress.totalBytes
                slow.append((id, progress.totalBytes))
                receiving[id] = nil
            } else {
                receiving[id]?.windowStartNs = nowNs
                receiving[id]?.windowBytes = 0
                receiving[id]?.slowWindows = isSlow ? progress.slowWindows + 1 : 0
            }
        }
        return slow
    }

    /// The holders whose senders have stalled and who kept their slots, as there is no room for them without
    /// one: those that hold more than `bytes` bytes of memory, as `heldBytes` says, and the one that holds
    /// most first. A sender of which enough has come in the window that runs has not stalled.
    func stalled(atMost count: Int, beyondBytes bytes: Int, heldBytes: (UInt64) -> Int) -> [UInt64] {
        receiving
            .filter {
                $0.value.slowWindows >= Self.stalledWindows && $0.value.windowBytes < Self.slowBytes
            }
            .map { (id: $0.key, bytes: heldBytes($0.key)) }
            .filter { $0.bytes > bytes }
            .sorted { ($0.bytes, $1.id) > ($1.bytes, $0.id) }
            .prefix(count).map(\.id)
    }
}
