/// Makes a `SeriesCode`: what of a series stands in the text already is named, what does not is added to it.
///
/// The work is linear in the labels, whatever they are: where bytes stood is looked up in one table, by their
/// hash, and only the last place of each hash is looked at.
@safe struct SeriesCoder {
    /// A stretch of the text and the number of the target's labels behind it.
    private struct Stretch {
        var offset: UInt32
        var length: UInt32
        var run: UInt32
    }

    /// The least length of bytes that are found in the text and named there. Shorter ones are added to the
    /// text again, as each part mostly takes three bytes, and time whenever a request is made. Bytes in the
    /// middle of a run of new bytes split it, which makes two parts more. Bytes at the beginning or the end
    /// of the run make one part more (`shortestAtEdge`). Where a whole run between the target's labels is
    /// found, no part is added, and any length will do.
    ///
    /// Both were found by trial on the labels of a node_exporter, histograms and the metrics of services:
    /// the sum of a code's bytes and of the bytes of its parts, which so count twice, was least with them.
    private static let shortestInside = 40
    private static let shortestAtEdge = 20
    /// Bytes whose hash is looked up.
    private static let keyBytes = 8
    private static let tableBits: UInt64 = 12
    /// Stretches for which room is reserved at most.
    private static let mostReserved = 1 << 16

    /// The text, with room for all labels.
    private let text: UnsafeMutableRawPointer
    private var textBytes = 0
    private var stretches: [Stretch] = []
    private var firstStretches: [UInt32] = []
    /// By the hash of eight bytes: one more than the place in the text where such bytes stood last; 0 for
    /// none.
    private let table: UnsafeMutablePointer<UInt32>
    /// Places of the text before it are in the table.
    private var tabled = 0
    private var runs = [SeriesCode.TargetRun(first: 0, count: 0)]
    private var runNumbers: [SeriesCode.TargetRun: UInt32] = [:]
    /// The run looked up last, with its number.
    private var lastRun = (run: SeriesCode.TargetRun(first: 0, count: 0), number: UInt32(0))

    private init(_ labels: [UInt8], _ pieces: [LayoutChunk.Piece], _ pieceOffsets: [UInt32]) {
        let slots = 1 << Int(Self.tableBits)
        // Safety: `free` gives both back; every byte of the text is written before it counts.
        unsafe text = .allocate(byteCount: labels.count + 1, alignment: 8)
        unsafe table = .allocate(capacity: slots)
        unsafe table.initialize(repeating: 0, count: slots)
        // More than the chunks of a scrape have is not reserved before it is needed: a file may be forged.
        stretches.reserveCapacity(min(3 * pieces.count, Self.mostReserved))
        firstStretches.reserveCapacity(pieceOffsets.count)
    }

    private func free() {
        // Safety: called once, when nothing is read any more.
        unsafe text.deallocate()
        unsafe table.deallocate()
    }

    /// The code of a chunk's series. The caller has checked that every index stands inside its array.
    static func code(
        _ labels: [UInt8], _ pieces: [LayoutChunk.Piece], _ pieceOffsets: [UInt32]
    ) -> SeriesCode {
        var coder = SeriesCoder(labels, pieces, pieceOffsets)
        defer { coder.free() }
        var from = 0
        for index in 1..<max(1, pieceOffsets.count) {
            let first = coder.stretches.count
            coder.firstStretches.append(UInt32(first))
            for number in Int(pieceOffsets[index - 1])..<Int(pieceOffsets[index]) {
                let piece = pieces[number]
                coder.add(labels, from, Int(piece.runEnd), since: first)
                from = Int(piece.runEnd)
                if piece.targetLabelCount > 0 { coder.addTargetLabels(of: piece, since: first) }
            }
            if coder.stretches.count == first {
                coder.stretches.append(Stretch(offset: 0, length: 0, run: 0))
            }
        }
        coder.firstStretches.append(UInt32(coder.stretches.count))
        return coder.packed()
    }

    /// Adds a series' own labels up to some of the target's. Its stretches begin at `first`.
    private mutating func add(_ labels: [UInt8], _ from: Int, _ to: Int, since first: Int) {
        // Safety: every place read is at least `from` and below `to`, which the caller has checked to lie
        // inside the labels, or below the text's count; no pointer leaves the closure.
        unsafe labels.withUnsafeBytes { input in
            guard let input = input.baseAddress else { return }
            var (place, literal) = (from, from)
            while place + Self.keyBytes <= to {
                let key = unsafe input.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                let candidate = unsafe Int(table[Self.slot(key)]) - 1
                guard candidate >= 0, let length = unsafe common(input, place, to, key, candidate) else {
                    place += 1
                    continue
                }
                let back = unsafe commonBefore(input, place, literal, candidate)
                let (isFirst, isLast) = (place - back == literal, place + length == to)
                let shortest =
                    isFirst && isLast ? 0 : isFirst || isLast ? Self.shortestAtEdge : Self.shortestInside
                guard length + back >= shortest else {
                    // A longer match that begins among these bytes ends behind them. Mostly it is found by
                    // the first eight bytes of which the last stands behind them, and then extended to the
                    // front; not where the table has another place for the hash of these eight, as it keeps
                    // only the last one.
                    place += length - Self.keyBytes + 1
                    continue
                }
                unsafe addText(input + literal, place - back - literal, since: first)
                append(candidate - back, length + back, since: first)
                place += length
                literal = place
            }
            unsafe addText(input + literal, to - literal, since: first)
        }
    }

    /// How many bytes of the labels from `place` on stand at `candidate` of the text; nil where the eight of
    /// `key` do not.
    // Safety: the caller vouches for `to` bytes behind `input`. At most `most` bytes behind both are read.
    private func common(
        _ input: UnsafeRawPointer, _ place: Int, _ to: Int, _ key: UInt64, _ candidate: Int
    ) -> Int? {
        let most = min(to - place, textBytes - candidate)
        guard most >= Self.keyBytes,
            unsafe text.loadUnaligned(fromByteOffset: candidate, as: UInt64.self) == key
        else { return nil }
        var length = Self.keyBytes
        while length + 8 <= most {
            let difference =
                unsafe text.loadUnaligned(fromByteOffset: candidate + length, as: UInt64.self)
                ^ input.loadUnaligned(fromByteOffset: place + length, as: UInt64.self)
            if difference != 0 { return length + difference.littleEndian.trailingZeroBitCount / 8 }
            length += 8
        }
        while length < most,
            unsafe text.load(fromByteOffset: candidate + length, as: UInt8.self)
                == input.load(fromByteOffset: place + length, as: UInt8.self)
        {
            length += 1
        }
        return length
    }

    /// How many bytes before `place`, from `literal` on, stand before `candidate` of the text.
    // Safety: the caller vouches for `place` bytes behind `input`, and that `candidate` lies in the text.
    private func commonBefore(
        _ input: UnsafeRawPointer, _ place: Int, _ literal: Int, _ candidate: Int
    ) -> Int {
        var back = 0
        while place - back > literal, candidate - back > 0,
            unsafe input.load(fromByteOffset: place - back - 1, as: UInt8.self)
                == text.load(fromByteOffset: candidate - back - 1, as: UInt8.self)
        {
            back += 1
        }
        return back
    }

    /// Adds bytes that stand nowhere yet to the text.
    // Safety: the caller vouches for `count` bytes behind `start`, each of which is added once at most, so
    // that the text's room suffices. Each load ends inside the text.
    private mutating func addText(_ start: UnsafeRawPointer, _ count: Int, since first: Int) {
        guard count > 0 else { return }
        append(textBytes, count, since: first)
        unsafe (text + textBytes).copyMemory(from: start, byteCount: count)
        textBytes += count
        while tabled + Self.keyBytes <= textBytes {
            let key = unsafe text.loadUnaligned(fromByteOffset: tabled, as: UInt64.self)
            unsafe table[Self.slot(key)] = UInt32(tabled + 1)
            tabled += 1
        }
    }

    private static func slot(_ key: UInt64) -> Int {
        Int((key &* 0x9E37_79B9_7F4A_7C15) >> (64 - tableBits))
    }

    /// Adds a stretch of the text to the series whose stretches begin at `first`, joined to the one before
    /// where it goes on there.
    private mutating func append(_ offset: Int, _ length: Int, since first: Int) {
        if let last = stretches.last, stretches.count > first, last.run == 0,
            Int(last.offset + last.length) == offset
        {
            stretches[stretches.count - 1].length += UInt32(length)
        } else {
            stretches.append(Stretch(offset: UInt32(offset), length: UInt32(length), run: 0))
        }
    }

    private mutating func addTargetLabels(of piece: LayoutChunk.Piece, since first: Int) {
        let run = number(
            of: SeriesCode.TargetRun(first: piece.firstTargetLabel, count: piece.targetLabelCount))
        if stretches.count > first, stretches[stretches.count - 1].run == 0 {
            stretches[stretches.count - 1].run = run
        } else {
            stretches.append(Stretch(offset: 0, length: 0, run: run))
        }
    }

    private mutating func number(of run: SeriesCode.TargetRun) -> UInt32 {
        if lastRun.run == run { return lastRun.number }
        var number = UInt32(runs.count)
        if let known = runNumbers[run] {
            number = known
        } else {
            runNumbers[run] = number
            runs.append(run)
        }
        lastRun = (run, number)
        return number
    }

    // MARK: the bytes

    /// The bits that numbers up to `most` take.
    private static func bits(_ most: Int) -> Int { Int.bitWidth - most.leadingZeroBitCount }

    /// A long stretch is several parts where short lengths make all parts a byte shorter.
    private func lengthBits(_ otherBits: Int) -> (lengthBits: Int, partBytes: Int, count: Int) {
        var best = (lengthBits: 8, partBytes: 8, count: Int.max)
        var bestBytes = Int.max
        for lengthBits in [8, 7, 6] {
            let most = UInt32(1) << UInt32(lengthBits) - 1
            var count = stretches.count
            for stretch in stretches where stretch.length > most { count += Int((stretch.length - 1) / most) }
            let partBytes = (otherBits + lengthBits + 7) / 8
            if count * partBytes < bestBytes {
                best = (lengthBits, partBytes, count)
                bestBytes = count * partBytes
            }
        }
        return best
    }

    private func packed() -> SeriesCode {
        let offsetBits = Self.bits(textBytes)
        let (lengthBits, partBytes, count) = lengthBits(offsetBits + Self.bits(runs.count - 1))
        let numberBytes = max(1, (Self.bits(count) + 7) / 8)
        let tail = count * partBytes + firstStretches.count * numberBytes
        // What is loaded from a part or a number reaches eight bytes, from a stretch as many as may be read.
        let total = textBytes + tail + max(8, SeriesCode.readableBytes - tail)
        let runShift = UInt64(offsetBits + lengthBits)
        let most = UInt32(1) << UInt32(lengthBits) - 1
        // Safety: a word is stored where eight bytes are left, as parts, numbers and at least eight more
        // follow the text; what the last one leaves is set to 0, so that all of `total` is written.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: total) { room, written in
            guard let base = UnsafeMutableRawPointer(room.baseAddress) else { return }
            unsafe base.copyMemory(from: text, byteCount: textBytes)
            var place = textBytes
            var numberPlace = textBytes + count * partBytes
            var (part, series) = (0, 0)
            var firstParts: [UInt32] = []
            firstParts.reserveCapacity(firstStretches.count)
            for (index, stretch) in stretches.enumerated() {
                if Int(firstStretches[series]) == index {
                    firstParts.append(UInt32(part))
                    series += 1
                }
                var (offset, left) = (stretch.offset, stretch.length)
                while true {
                    let length = min(left, most)
                    left -= length
                    let run = left == 0 ? UInt64(stretch.run) << runShift : 0
                    let word = UInt64(offset) | UInt64(length) << UInt64(offsetBits) | run
                    unsafe base.storeBytes(of: word.littleEndian, toByteOffset: place, as: UInt64.self)
                    place += partBytes
                    offset += length
                    part += 1
                    if left == 0 { break }
                }
            }
            firstParts.append(UInt32(part))
            for number in firstParts {
                unsafe base.storeBytes(
                    of: UInt64(number).littleEndian, toByteOffset: numberPlace, as: UInt64.self)
                numberPlace += numberBytes
            }
            unsafe (base + numberPlace).initializeMemory(
                as: UInt8.self, repeating: 0, count: total - numberPlace)
            written = total
        }
        return SeriesCode(
            bytes: bytes, textBytes: textBytes,
            labelBytes: stretches.reduce(0) { $0 + Int($1.length) }, partCount: count,
            seriesCount: firstStretches.count - 1, offsetBits: UInt8(offsetBits),
            lengthBits: UInt8(lengthBits), partBytes: UInt8(partBytes), numberBytes: UInt8(numberBytes),
            targetRuns: runs.exactCopy)
    }
}

extension Array {
    /// A copy without spare capacity.
    fileprivate var exactCopy: [Element] {
        // Safety: the pointer is used only inside the closure.
        unsafe withUnsafeBufferPointer { unsafe Array($0) }
    }
}
