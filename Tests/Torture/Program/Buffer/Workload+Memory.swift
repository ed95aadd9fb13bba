import Platform
import Synchronization

@testable import WriteAheadBuffer

/// A disk that takes no samples for a while.
extension Workload {
    /// Frames go to memory until the oldest are dropped, and in the middle of that a sender goes on. In the
    /// end the disk is good and all is delivered, so a kill or a power loss takes nothing that was in memory
    /// alone.
    func fillMemory() throws {
        door.setTakesNoSamples(true)
        try fill()
        try dropTheOldest()
        for name in names { for _ in 0..<dice.below(10) { try read(name) } }
        try fill()
        try dropTheOldest()
        door.setTakesNoSamples(false)
        try keep(syncs: true)
        try deliverEverything()
        // At the tail a cursor leaves segments that hold nothing.
        for name in names { try readAll(name) }
        try keep(syncs: true)
        guard try running().core.catalog.inMemory.isEmpty else {
            throw Complaint("frames stay in memory where all is answered for")
        }
    }

    private func fill() throws {
        let account = try running().core.memory
        while account.usedBytes(of: .frames) * 4 <= account.limitBytes(of: .frames) * 3 {
            try append()
            let name = names[dice.below(names.count)]
            switch dice.below(10) {
            case 0: try read(name)
            case 1: try send(name)
            case 2: try answer(name)
            default: break
            }
        }
    }

    /// A round of the keeper. When one destination's loss is written to its cursor, the sender of another one
    /// reads on, or a new one begins.
    private func dropTheOldest() throws {
        let buffer = try running()
        let order = names
        let first = dice.below(order.count)
        let name = order[(first + 1) % order.count]
        guard let destination = senders[name]?.destination else { return }
        let (reads, rewinds) = (dice.below(3), dice.chance(30))
        let meanwhile = Mutex<[StoredFrame]>([])
        let before = segments(buffer)
        let mayRetire = isAged || buffer.sizeBytes > retentionBytes
        // Where retention takes segments, what is read before is in doubt.
        if order.count > 1, !mayRetire {
            door.comeBetween(atWriteTo: BufferFileName.cursor(order[first])) {
                if rewinds { return destination.rewind() }
                // What does not come is missed by the next read.
                let read = (0..<reads).compactMap { _ in try? destination.reader.next() }
                meanwhile.withLock { $0 = read }
            }
        }
        try operate("keep with memory full") {
            _ = buffer.keep(syncs: false)
            for segment in buffer.core.catalog.inMemory {
                for (index, id) in book.frames(inSegment: segment.number).enumerated()
                where segment.memory?.isGone(MemorySegment.firstOffset + UInt64(index)) ?? false {
                    try noteGone(SampleSet(book.samples(of: id)), mayBeOpen: true)
                }
            }
            try noteRemoved(before, buffer, mayRetire: mayRetire)
        }
        guard order.count > 1, !mayRetire, !door.forgetWhoComesBetween() else { return }
        if rewinds {
            senders[name] = Sender(destination)
            try recover(name)
        }
        for stored in meanwhile.withLock({ $0 }) { _ = try take(stored, name) }
    }
}
