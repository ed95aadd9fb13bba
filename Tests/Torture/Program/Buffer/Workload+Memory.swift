import Platform
import Synchronization
import TestSupport

@testable import WriteAheadBuffer

/// A disk that takes no samples for a while.
extension Workload {
    /// A script: what stands in memory is written down, with and without the oldest that memory had to drop,
    /// and another spell follows.
    func memory() throws {
        try start(["a", "b"])
        try steps(15, slow: ["b"])
        for spell in 0..<2 {
            door.setTakesNoSamples(true)
            try append()
            try steps(20, slow: ["b"])
            if dice.chance(50) {
                try fill()
                try keepWithMemoryFull(try running())
            }
            if dice.chance(30) { try rewind(names[dice.below(names.count)]) }
            try steps(5, slow: ["b"])
            door.setTakesNoSamples(false)
            // A spell that follows soon has a pause.
            clock.advance(ms: 2_000)
            try keep(syncs: dice.chance(50))
            guard try running().core.catalog.inMemory.isEmpty else {
                throw Complaint("frames stay in memory where the disk takes them")
            }
            try steps(10, slow: ["b"])
            if spell == 0, dice.chance(50) {
                kill()
                try start(["a", "b"])
            }
        }
        try close()
        try start(["a", "b"])
        try deliverEverything()
        try keep(syncs: true)
        try close()
    }

    /// Frames go to memory until the oldest are dropped, and in the middle of that a sender goes on. In the
    /// end the disk is good, and what is left was written down or is delivered: so a kill or a power loss
    /// takes nothing that was in memory alone.
    func fillMemory() throws {
        door.setTakesNoSamples(true)
        try fill()
        try dropTheOldest()
        for name in names { for _ in 0..<dice.below(10) { try read(name) } }
        try fill()
        try dropTheOldest()
        door.setTakesNoSamples(false)
        try dice.chance(50) ? keepWhileItFills() : keep(syncs: true)
        if dice.chance(50) {
            // What was written down is durable with the next round.
            try keep(syncs: true)
            guard try running().core.catalog.inMemory.isEmpty else {
                throw Complaint("frames stay in memory where the disk takes them")
            }
            return
        }
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

    /// A round of the keeper, which drops the oldest frames in memory.
    private func keepWithMemoryFull(_ buffer: WriteAheadBuffer, mayRetire: Bool = false) throws {
        let before = segments(buffer)
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
    }

    /// A round of the keeper that writes down what stands in memory. Between its writes memory fills, so the
    /// oldest are dropped while some of them are in the file already.
    private func keepWhileItFills() throws {
        let buffer = try running()
        guard let number = buffer.core.catalog.inMemory.last?.number else { return try keep(syncs: true) }
        let account = buffer.core.memory
        let frames = (0..<60).map { _ in
            clock.advance(ms: 1)
            return maker.frame(at: clock.wallMs)
        }
        let taken = Mutex(0)
        door.comeBetween(atWriteTo: ".segment.new") {
            for frame in frames
            where account.usedBytes(of: .frames) * 4 <= account.limitBytes(of: .frames) * 3 {
                // Memory has room for it.
                guard (try? buffer.append(frame)) != nil else { return }
                taken.withLock { $0 += 1 }
            }
        }
        let before = segments(buffer)
        let mayRetire = isAged || buffer.sizeBytes > retentionBytes
        try operate("keep while memory fills") {
            _ = buffer.keep(syncs: true)
            _ = door.forgetWhoComesBetween()
            for frame in frames.prefix(taken.withLock { $0 }) {
                let id = book.add(frame)
                facts.now.appended.insert(book.samples(of: id))
                book.place(id, segment: number)
            }
            let info = buffer.core.catalog[number]
            for (index, id) in book.frames(inSegment: number).enumerated() {
                let place = MemorySegment.firstOffset + UInt64(index)
                if info?.memory?.isGone(place) ?? (place < info?.firstPlace ?? 0) {
                    try noteGone(SampleSet(book.samples(of: id)), mayBeOpen: true)
                }
            }
            try noteRemoved(before, buffer, mayRetire: mayRetire)
            noteWrittenDown(buffer)
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
        try keepWithMemoryFull(buffer, mayRetire: mayRetire)
        guard order.count > 1, !mayRetire, !door.forgetWhoComesBetween() else { return }
        if rewinds {
            senders[name] = Sender(destination)
            try recover(name)
        }
        for stored in meanwhile.withLock({ $0 }) { _ = try take(stored, name) }
    }
}
