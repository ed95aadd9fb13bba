import MetricModel
import TestSupport

/// What a workload does.
enum Script: String, CaseIterable, Sendable {
    /// Everything a buffer goes through, on small frames.
    case life
    /// An append of several writes of which a later one fails, and then a failing sync.
    case large
    /// A disk that takes no samples for a while, and then what stands in memory.
    case memory

    /// How much memory takes of frames: some dozens of them.
    var framesBytes: Int { self == .memory ? 24_000 : 0 }
}

extension Workload {
    func run(_ script: Script) throws {
        switch script {
        case .life: try life()
        case .large: try large()
        case .memory: try memory()
        }
    }

    /// So many operations of any kind. `slow` destinations seldom read.
    func steps(_ count: Int, slow: Set<String> = []) throws {
        for _ in 0..<count {
            let name = names[dice.below(names.count)]
            switch dice.below(100) {
            case 0..<28: try append()
            case 28..<52:
                if slow.contains(name), dice.chance(80) { try append() } else { try read(name) }
            case 52..<70: try send(name)
            case 70..<84: try answer(name)
            case 84..<88: try split(name)
            case 88..<93: try keep(syncs: true)
            case 93..<95: try keep(syncs: false)
            case 95..<97: try sync()
            case 97..<99: try syncWithAnswerBetween(name)
            default: try syncWithAppendBetween()
            }
        }
    }

    private func life() throws {
        try start(["a", "b"])
        try steps(45, slow: ["b"])
        try append(isBig: true)
        try failASync()
        try begin("c")
        try steps(30, slow: ["b"])
        try rename("b", to: "d")
        try steps(20)
        try retire("c")
        try steps(8)
        kill()

        // Segments go for their bytes.
        try start(["a", "d"], retentionBytes: 9_000)
        try steps(70, slow: ["d"])
        try close()

        try start(["a", "d"])
        try steps(15)
        try append(isBig: true)
        // A segment ends for its age.
        clock.advance(ms: 61 * 60_000)
        try steps(25)
        // What is buffered is above its age.
        clock.advance(ms: 5 * 3_600_000)
        isAged = true
        try keep(syncs: dice.chance(50))
        try steps(15)
        try failASync()
        kill()

        try start(["a", "d"])
        try deliverEverything()
        try keep(syncs: true)
        try close()
    }

    /// A sync of a segment fails, and what it was about is written anew.
    private func failASync() throws {
        try append()
        door.failNextSync(of: ".segment")
        try keep(syncs: true)
        try append()
        try steps(4)
        clock.advance(ms: 2_000)
        try keep(syncs: true)
    }

    func deliverEverything() throws {
        for name in names {
            try readAll(name)
            for _ in 0..<20_000 {
                try send(name)
                guard senders[name]?.flying.isEmpty == false else { break }
                try answer(name)
            }
        }
    }

    private func large() throws {
        var own = Dice(seed: seed, 5)
        let small = [interner.intern(FrameMaker.chunk("m", count: 4))]
        // Each chunk is a write of its own.
        let long = (0..<2).map { _ in interner.intern(FrameMaker.longChunk(nameBytes: 900_000, &own)) }
        try start(["a"])
        for _ in 0..<2 { try appendLater(small) }
        try keep(syncs: true)
        try appendLater(small)
        clock.advance(ms: 1)
        door.failWrite(to: ".segment", skipping: 1)
        try appendInVain(maker.frame(small + long, at: clock.wallMs))
        try appendLater(small)
        door.failNextSync(of: ".segment")
        try keep(syncs: true)
        try appendLater(small)
        clock.advance(ms: 2_000)
        try keep(syncs: true)
        try appendLater(small)
        for _ in 0..<3 { try read("a") }
        try send("a")
        try answer("a")
        try keep(syncs: true)
        try close()
        try start(["a"])
        try deliverEverything()
        try close()
    }

    private func appendLater(_ chunks: [LayoutChunk]) throws {
        clock.advance(ms: 1_000)
        try append(maker.frame(chunks, at: clock.wallMs))
    }
}
