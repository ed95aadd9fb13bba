/// Walks a journal once, and makes of each place in it the disks that a crash there may leave.
///
/// Rules, without which it would invent what no file system does: changes of names become durable in their
/// order, a rename is one of them; a file that is cut off is a barrier for what is written to it afterwards;
/// a sector never has a later write without the earlier ones; a sync makes content and length durable and no
/// name; pages that a failed sync has given up do not become durable by a later one.
struct CrashStates {
    static let sectorBytes = 512
    /// More places in one write are not tried.
    private static let mostCuts = 8
    /// More numbers of kept names are not tried.
    private static let mostNames = 8
    static let reorderings = 3

    private enum Change {
        case write(offset: Int, bytes: [UInt8])
        case truncate(Int)
    }

    private enum NameChange {
        case create(String, inode: Int)
        case rename(String, to: String)
        case remove(String)
    }

    private struct Inode {
        var live = FileImage()
        var durable = FileImage()
        /// Since the last sync, good or not, in order.
        var pending: [Change] = []
        /// The same as ranges of the file.
        var dirty: [Range<Int>] = []

        /// What a good sync would make durable now.
        var settled: FileImage {
            guard !dirty.isEmpty || durable.bytes.count != live.bytes.count else { return durable }
            var image = durable
            image.truncate(to: live.bytes.count)
            for range in dirty {
                let range = range.clamped(to: 0..<live.bytes.count)
                if !range.isEmpty { image.bytes.replaceSubrange(range, with: live.bytes[range]) }
            }
            image.modifiedNs = live.modifiedNs
            return image
        }
    }

    private var inodes: [Int: Inode] = [:]
    private var names: [String: Int] = [:]
    private var durableNames: [String: Int] = [:]
    private var pendingNames: [NameChange] = []
    private let stampBase: Int64

    /// `image` is what was durable when the journal began.
    init(_ image: DiskImage = DiskImage()) {
        for (number, file) in image.files { inodes[number] = Inode(live: file, durable: file) }
        names = image.names
        durableNames = image.names
        stampBase = image.files.values.reduce(Int64(0)) { max($0, $1.modifiedNs) }
    }

    /// What is durable.
    var durable: DiskImage { image(durableNames) { _, inode in inode.durable } }

    /// As the journal's disk stamps changes.
    private func stampNs(_ call: DoorCall) -> Int64 { stampBase + Int64(call.number) + 1 }

    /// The call is done.
    mutating func step(_ call: DoorCall) {
        let stampNs = stampNs(call)
        switch call.effect {
        case .none: break
        case .create(let inode):
            names[call.path] = inode
            pendingNames.append(.create(call.path, inode: inode))
            var created = Inode()
            created.live.modifiedNs = stampNs
            created.durable.modifiedNs = stampNs
            inodes[inode] = created
        case .write(let inode, let offset, let bytes):
            inodes[inode, default: Inode()].live.write(bytes[...], at: offset)
            inodes[inode]?.live.modifiedNs = stampNs
            inodes[inode]?.pending.append(.write(offset: offset, bytes: bytes))
            inodes[inode]?.dirty.append(offset..<offset + bytes.count)
        case .truncate(let inode, let length):
            let before = inodes[inode]?.live.bytes.count ?? 0
            inodes[inode, default: Inode()].live.truncate(to: length)
            inodes[inode]?.live.modifiedNs = stampNs
            inodes[inode]?.pending.append(.truncate(length))
            inodes[inode]?.dirty.append(min(before, length)..<max(before, length))
        case .sync(let inode, let isGood):
            if isGood, let settled = inodes[inode]?.settled { inodes[inode]?.durable = settled }
            inodes[inode]?.pending = []
            inodes[inode]?.dirty = []
        case .syncDirectory:
            durableNames = names
            pendingNames = []
        case .rename(let to):
            Self.apply(.rename(call.path, to: to), &names)
            pendingNames.append(.rename(call.path, to: to))
        case .remove:
            names[call.path] = nil
            pendingNames.append(.remove(call.path))
        }
    }

    private static func apply(_ change: NameChange, _ names: inout [String: Int]) {
        switch change {
        case .create(let path, let inode): names[path] = inode
        case .rename(let from, let to): names[to] = names.removeValue(forKey: from)
        case .remove(let path): names[path] = nil
        }
    }

    /// Gives `body` what a crash before `call` may leave; the same for the same seed.
    func forEachVariant(
        before call: DoorCall, seed: UInt64, _ body: (CrashVariant, DiskImage) -> Void
    ) {
        let died = image(names) { _, inode in inode.live }
        body(.died, died)
        for count in Self.counts(pendingNames.count) {
            body(.power(names: count), image(keptNames(count)) { _, inode in inode.durable })
        }
        for choice in 0..<Self.reorderings where hasPending {
            var dice = Dice(seed: seed, UInt64(call.number), UInt64(choice))
            body(.reordered(choice), reordered(&dice))
        }
        guard case .write(let written, let offset, let bytes) = call.effect else { return }
        var dice = Dice(seed: seed, UInt64(call.number), 99)
        for cut in Self.cuts(offset, bytes.count, &dice) {
            var torn = died
            torn.files[written]?.write(bytes[..<cut], at: offset)
            torn.files[written]?.modifiedNs = stampNs(call)
            body(.diedTorn(bytes: cut), torn)
            var lost = image(names) { _, inode in inode.durable }
            lost.files[written] = inodes[written]?.settled
            lost.files[written]?.write(bytes[..<cut], at: offset)
            lost.files[written]?.modifiedNs = stampNs(call)
            body(.powerTorn(bytes: cut), lost)
        }
    }

    private func image(_ names: [String: Int], _ content: (Int, Inode) -> FileImage) -> DiskImage {
        var image = DiskImage()
        image.names = names
        for number in names.values { image.files[number] = content(number, inodes[number] ?? Inode()) }
        return image
    }

    private func keptNames(_ count: Int) -> [String: Int] {
        var kept = durableNames
        for change in pendingNames.prefix(count) { Self.apply(change, &kept) }
        return kept
    }

    private static func counts(_ pending: Int) -> [Int] {
        guard pending > mostNames else { return Array(0...pending) }
        return (0..<mostNames).map { $0 * pending / mostNames } + [pending]
    }

    /// Beginnings of a write: up to each edge of a sector in it, and up to one place inside a sector.
    private static func cuts(_ offset: Int, _ count: Int, _ dice: inout Dice) -> [Int] {
        guard count > 1 else { return [] }
        let first = (offset / sectorBytes + 1) * sectorBytes - offset
        var edges = Array(stride(from: first, to: count, by: sectorBytes))
        if edges.count > mostCuts {
            let all = edges
            edges = (0..<mostCuts).map { all[$0 * (all.count - 1) / (mostCuts - 1)] }
        }
        let inside = 1 + dice.below(count - 1)
        return edges.contains(inside) ? edges : edges + [inside]
    }

    // MARK: reordered

    private var hasPending: Bool {
        !pendingNames.isEmpty || names.values.contains { inodes[$0].map { !$0.pending.isEmpty } ?? false }
    }

    private func reordered(_ dice: inout Dice) -> DiskImage {
        let kept = keptNames(dice.below(pendingNames.count + 1))
        var image = DiskImage()
        image.names = kept
        for number in Set(kept.values).sorted() {
            image.files[number] = Self.reordered(inodes[number] ?? Inode(), &dice)
        }
        return image
    }

    private static func reordered(_ inode: Inode, _ dice: inout Dice) -> FileImage {
        guard !inode.pending.isEmpty else { return inode.durable }
        // Of the changes before the first cut that is not on the disk.
        let cuts = inode.pending.indices.filter { index in
            if case .truncate = inode.pending[index] { true } else { false }
        }
        let done = dice.below(cuts.count + 1)
        let end = done < cuts.count ? cuts[done] : inode.pending.count
        var image = inode.durable
        // How many of the changes a sector has.
        var known: [Int: Int] = [:]
        for index in 0..<end {
            switch inode.pending[index] {
            case .truncate(let length): image.truncate(to: length)
            case .write(let offset, let bytes):
                var at = 0
                while at < bytes.count {
                    let sector = (offset + at) / sectorBytes
                    let next = min(bytes.count, (sector + 1) * sectorBytes - offset)
                    let upTo = known[sector] ?? Self.upTo(end, &dice)
                    known[sector] = upTo
                    if index < upTo { image.write(bytes[at..<next], at: offset + at) }
                    at = next
                }
            }
        }
        // The length may be durable without the data, which reads as zeros then.
        if end == inode.pending.count, image.bytes.count < inode.live.bytes.count, dice.chance(40) {
            image.truncate(to: inode.live.bytes.count)
        }
        if dice.chance(70) { image.modifiedNs = inode.live.modifiedNs }
        return image
    }

    private static func upTo(_ end: Int, _ dice: inout Dice) -> Int {
        switch dice.below(3) {
        case 0: 0
        case 1: end
        default: dice.below(end + 1)
        }
    }
}
