import Platform
import TestSupport

@testable import HTTPTransport

/// Bodies whose memory may be narrowed, without a connection: the test plays the loop and holds the clock.
/// The limit of 25 bytes is narrowed to 8.
final class NarrowedBodies {
    let admission: BodyAdmission
    let clock = ManualClock()

    init(slots: Int = 4, withoutSlot bytesLimit: Int = 0, unitBytes: Int = 1) {
        let memory = MemoryAccount(bodiesBytes: 25 * unitBytes)
        admission = BodyAdmission(
            slots: BodySlots(capacity: slots, bytesLimit: bytesLimit),
            pool: BodyPool(keptCount: 1, memory: memory) { _, _ in }, memory: memory, clock: clock)
    }

    func narrow(toBytes bytes: Int = 8) { admission.memory.setLimit(of: .bodies, toBytes: bytes) }
    func widen() { admission.memory.setLimit(of: .bodies, toBytes: 25) }

    func end(_ id: UInt64) {
        let bytes = admission.heldBytes(id)
        admission.ended(id)
        admission.memory.discharge(bytes, from: .bodies)
    }

    /// The numbers of those in line that are granted what they wait for.
    func granted() -> [UInt64] {
        var ids: [UInt64] = []
        while let next = admission.nextGranted() { ids.append(next.id) }
        return ids
    }

    /// Who holds others up for too long, looked at ten times a second for so many milliseconds, and then once
    /// more. Nil, too, when somebody in line is granted what it waits for.
    func heldUp(forMs ms: Int64) -> UInt64? {
        for _ in 0..<(ms / 100) {
            guard granted().isEmpty else { return nil }
            if let id = admission.holdsUpTooLong() { return id }
            clock.advance(ms: 100)
        }
        return admission.holdsUpTooLong()
    }

    /// A body of so many bytes so far wants a slot. False when it waits for one.
    func wantSlot(_ id: UInt64, sizeBytes: Int = 0) -> Bool {
        admission.slots.want(id, sizeBytes: sizeBytes, nowNs: admission.nowNs)
    }

    /// So many bytes are charged for bodies without a slot. False when that is too much.
    func chargeWithoutSlot(_ bytes: Int) -> Bool { admission.slots.charge(bytes) }

    /// As many windows as make a sender one that has stalled, and nothing comes of any body. The numbers of
    /// those that lose their slots.
    func stall() -> [UInt64] {
        (0..<BodySlots.stalledWindows).flatMap { _ in
            clock.advance(ms: 250)
            return admission.takeSlotsOfSlowSenders()
        }
    }
}
