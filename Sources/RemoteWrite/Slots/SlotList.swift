import Synchronization

/// The slots of a window that were ever begun, in their order.
final class SlotList: Sendable {
    private let slots = Mutex<[SlotRunner]>([])

    var all: [SlotRunner] { slots.withLock { $0 } }

    /// Adds the slot that `make` makes of its number.
    func add(_ make: (Int) -> SlotRunner) -> SlotRunner {
        let number = slots.withLock { $0.count }
        let slot = make(number)
        slots.withLock { $0.append(slot) }
        return slot
    }
}
