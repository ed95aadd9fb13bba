import Cryptography
internal import AWS
internal import MetricModel

#if canImport(Glibc)
import Glibc
#endif

/// The buffers in which a request is written and compressed, kept for the next one, and the loop that
/// copies encoded labels. It writes what protobuf-c packs for the same samples, byte for byte, with one
/// exception: a value of -0.0 is written, where protobuf-c leaves it out and the receiver would read 0.
///
/// With `LabelPointers`, `RequestCursor` and the files of `Symbols` the only unsafe code of this module.
@safe final class RequestScratch: @unchecked Sendable {  // One job uses it at a time.
    // @unchecked: a scratch belongs to one worker job at a time (`ScratchPool` lends it).
    var raw: UnsafeMutableRawPointer
    var capacity: Int
    private var compressed: UnsafeMutableRawPointer
    private var compressedCapacity: Int
    private let snappy = SnappyEncoder()
    /// The message of remote write that the request holds.
    private(set) var message = WriteMessage.v1
    /// Bytes in `raw`: of 2.0 the series alone until `assemble` puts the symbols before them.
    var written = 0
    /// Samples of the request so far.
    var sampleCount = 0
    private var symbols: SymbolRequest
    private var hasSymbols = false
    /// Whose labels `paddedLabels` are.
    private var paddedTarget: Target?
    private var paddedLabels: [UInt8] = []
    /// The same of the targets whose frames are written together.
    private(set) var paddedGroup: [[UInt8]] = []
    private var fields = SampleFields()

    /// A copy of labels may read up to this many bytes past what it means.
    static let readPadding = 64
    /// What a series takes besides its labels, at most (tags and lengths 14, value 9, timestamp 11), and the
    /// 64 bytes that a copy may write past what it means.
    static let slack = 128

    /// Scratches of one destination share `symbols`.
    init(symbols cache: ChunkSymbolCache = ChunkSymbolCache()) {
        symbols = SymbolRequest(cache: cache)
        capacity = 64 * 1_024
        compressedCapacity = 64 * 1_024
        // Safety: both are freed in deinit and nowhere else but `grow`, which replaces them.
        unsafe raw = .allocate(byteCount: capacity, alignment: 16)
        unsafe compressed = .allocate(byteCount: compressedCapacity, alignment: 16)
    }

    deinit {
        // Safety: allocated in init or `grow`, never handed out.
        unsafe raw.deallocate()
        unsafe compressed.deallocate()
    }

    /// Bytes held.
    var heldBytes: Int { capacity + compressedCapacity + snappy.heldBytes + symbols.heldBytes }

    /// Whether it keeps chunks of its last request alive.
    var holdsChunks: Bool { symbols.holdsChunks }

    /// Begins a request.
    func begin(_ message: WriteMessage = .v1) {
        self.message = message
        paddedTarget = nil
        written = 0
        sampleCount = 0
        hasSymbols = false
        if message == .v2 { symbols.removeAll() }
    }

    /// Lets go of what the request refers to, also where it was never compressed. The next one need not come
    /// for long.
    func end() {
        if symbols.holdsChunks { symbols.removeAll() }
        paddedTarget = nil
    }

    /// Bytes of the request so far.
    var byteCount: Int { written + (message == .v2 && !hasSymbols ? symbols.table.bytes.count : 0) }

    /// Puts the symbols in front of the series: receivers that read as they go must know them first.
    private func assemble() {
        guard message == .v2, !hasSymbols else { return }
        hasSymbols = true
        let front = symbols.table.bytes
        if written + front.count > capacity { grow(to: written + front.count, written: written) }
        // Safety: both lie inside `raw`, which has room for both.
        unsafe memmove(raw + front.count, raw, written)
        unsafe front.withUnsafeBytes { bytes in
            if let address = bytes.baseAddress {
                unsafe raw.copyMemory(from: address, byteCount: bytes.count)
            }
        }
        written += front.count
    }

    /// The request's bytes, copied; for tests and splitting. Nothing is appended afterwards.
    var bytes: [UInt8] {
        assemble()
        // Safety: `written` bytes from `raw` on are written.
        return unsafe [UInt8](UnsafeRawBufferPointer(start: raw, count: written))
    }

    /// The request as a snappy block, in an array of just its length. Nothing is appended afterwards.
    func compress() -> [UInt8] {
        assemble()
        let room = SnappyEncoder.room(for: byteCount)
        if room > compressedCapacity {
            // Safety: nothing in the old block is needed.
            unsafe compressed.deallocate()
            compressedCapacity = room
            unsafe compressed = .allocate(byteCount: room, alignment: 16)
        }
        // Safety: `raw` holds `byteCount` bytes; `compressed` has the room.
        let length = unsafe snappy.encode(raw, count: byteCount, to: compressed)
        // The chunks of a request are not kept until the next one.
        if message == .v2 { symbols.removeAll() }
        // Safety: `length` bytes of it are written.
        return unsafe [UInt8](UnsafeRawBufferPointer(start: compressed, count: length))
    }

    /// A request written elsewhere, as a snappy block.
    func compress(_ plain: [UInt8]) -> [UInt8] {
        begin()
        if plain.count > capacity { grow(to: plain.count, written: 0) }
        // Safety: `raw` has room for the bytes.
        unsafe plain.withUnsafeBytes { bytes in
            if let address = bytes.baseAddress {
                unsafe raw.copyMemory(from: address, byteCount: bytes.count)
            }
        }
        written = plain.count
        return compress()
    }

    /// SHA-256 of a body in hexadecimal.
    static func hash(_ body: [UInt8]) -> String {
        // Safety: bytes have no padding, so every one of the span's may be read.
        unsafe SHA256.hex(body.span.bytes)
    }

    /// Writes samples `from..<to` of `frame` (counted as `BufferPosition.sample`) until a limit is met. Every
    /// chunk's `targetLabelBound` must be within the target's labels: `FrameSlice.isWellFormed` has asked.
    func append(
        _ frame: Frame, drops: SeriesDrops = SeriesDrops(), from: Int, to: Int, limits: EncodeLimits
    ) -> FrameEncoding {
        precondition(from >= 0 && from <= to && to <= frame.sampleCount, "a slice lies inside its frame")
        var result = FrameEncoding()
        let present = frame.values.count - frame.absent.count
        if from < present {
            appendLayout(frame, drops.layout, from: from, to: min(to, present), limits: limits, into: &result)
            guard from + result.consumed == min(to, present) else { return result }
        }
        var first = present
        for (index, departed) in frame.departed.enumerated() {
            let end = first + departed.series.count
            let position = from + result.consumed
            if position < to, position < end {
                let range = position - first..<min(to, end) - first
                let done = appendDeparted(
                    departed, drops.departed.isEmpty ? [] : drops.departed[index], range, of: frame,
                    limits: limits, into: &result)
                guard done else { return result }
            }
            first = end
        }
        return result
    }

    private func appendLayout(
        _ frame: Frame, _ dropped: [UInt32], from: Int, to: Int, limits: EncodeLimits,
        into result: inout FrameEncoding
    ) {
        var walk = FrameWalk(frame, from: from, count: to - from, dropped: dropped)
        let starts = frame.layout.starts
        var index = frame.layout.chunkIndex(ofSeries: walk.ordinal)
        while index < frame.layout.chunks.count, walk.remaining > 0 {
            let chunk = frame.layout.chunks[index]
            let first = Int(starts[index])
            if message == .v2 {
                guard
                    symbols.append(
                        chunk, first..<first + chunk.seriesCount, of: frame, limits, &walk, &result, self)
                else { return }
                index += 1
                continue
            }
            // Safety: the pointers are used only inside the closure.
            let done = unsafe LabelPointers.with(chunk, frame.target, padded(frame.target)) { labels in
                unsafe appendSeries(
                    of: frame, labels, first..<first + chunk.seriesCount, limits, &walk, &result)
            }
            guard done else { return }
            index += 1
        }
    }

    /// One chunk: runs of ordinary series, and those out of the ordinary one by one. False when a limit
    /// ended it.
    private func appendSeries(
        of frame: Frame, _ labels: LabelPointers, _ series: Range<Int>, _ limits: EncodeLimits,
        _ walk: inout FrameWalk, _ result: inout FrameEncoding
    ) -> Bool {
        guard series.contains(walk.ordinal) else { return true }
        var cursor = unsafe RequestCursor(self, limitBytes: limits.bytes)
        let frameField = TimestampField(frame.timestampMs)
        var isFull = false
        while walk.ordinal < series.upperBound, walk.remaining > 0, !isFull {
            let index = walk.ordinal - series.lowerBound
            let room = limits.samples - sampleCount
            let isSpecial = walk.ordinal == walk.nextSpecial
            var field = frameField
            var most = min(series.upperBound, walk.nextSpecial) - walk.ordinal
            if isSpecial {
                let special = walk.special(at: walk.ordinal, of: frame, ownAgeMs: limits.ownAgeMs)
                if case .rich(let timestampMs) = special {
                    let shape = unsafe labels.shape(ofSeries: index)
                    let rich = gather(frame, &walk, at: timestampMs, limits)
                    if rich.isSent {
                        isFull =
                            unsafe room <= 0
                            || !cursor.put(labels, shape, fields: fields.bytes, self)
                        if isFull { break }
                        result.cover(timestampMs)
                        sampleCount += 1
                    }
                    result.add(rich)
                    walk.remaining -= 1
                    walk.passSpecial(of: frame)
                    continue
                }
                guard case .at(let ownMs) = special else {
                    if special != .absent {
                        result.pass(tooOld: special == .tooOld, isHistogram: walk.isHistogram(frame))
                        walk.remaining -= 1
                    }
                    walk.passSpecial(of: frame)
                    continue
                }
                field = TimestampField(ownMs)
                most = 1
            }
            let wanted = min(most, walk.remaining, room)
            let written = unsafe cursor.putRun(
                labels, index..<index + max(0, wanted), frame.values.span, at: walk.ordinal, field, self)
            isFull = written < min(most, walk.remaining)
            guard written > 0 else { break }
            result.cover(field.timestampMs)
            sampleCount += written
            result.written += written
            result.consumed += written
            walk.remaining -= written
            if isSpecial { walk.passSpecial(of: frame) } else { walk.ordinal += written }
        }
        written = unsafe cursor.byteCount
        return !isFull
    }

    /// Writes to `fields` what the walk stands at: a histogram, or a sample with exemplars.
    private func gather(
        _ frame: Frame, _ walk: inout FrameWalk, at timestampMs: Int64, _ limits: EncodeLimits
    ) -> RichSample {
        fields.removeAll()
        var rich = RichSample(isHistogram: walk.isHistogram(frame), isSent: true)
        let exemplars = walk.exemplars(frame)
        let histogram = rich.isHistogram ? walk.histogram(frame) : nil
        let isCustom = histogram?.hasCustomBuckets ?? false
        if rich.isHistogram, !limits.sendsHistograms || (isCustom && !limits.sendsCustomBuckets) {
            rich.isSent = false
            rich.hasCustomBuckets = limits.sendsHistograms
            return rich
        }
        if !rich.isHistogram {
            fields.putSample(valueBits: frame.values[walk.ordinal].bitPattern, timestampMs: timestampMs)
        }
        if limits.sendsExemplars {
            for entry in exemplars { fields.putExemplar(entry.exemplar, sampleMs: timestampMs) }
            rich.exemplars = exemplars.count
        } else {
            rich.exemplarsOff = exemplars.count
        }
        if let histogram {
            fields.putHistogram(histogram, timestampMs: timestampMs)
        } else if rich.isHistogram {
            fields.putStaleHistogram(timestampMs: timestampMs)
        }
        return rich
    }

    /// Stale markers of `departed.series[range]`. False when a limit ended the request.
    private func appendDeparted(
        _ departed: Frame.Departed, _ dropped: [UInt32], _ range: Range<Int>, of frame: Frame,
        limits: EncodeLimits,
        into result: inout FrameEncoding
    ) -> Bool {
        if message == .v2 {
            return symbols.append(departed, dropped, range, of: frame, limits, &result, self)
        }
        let field = TimestampField(frame.timestampMs)
        // Safety: the pointers are used only inside the closure.
        return unsafe LabelPointers.with(departed.chunk, frame.target, padded(frame.target)) { labels in
            var cursor = unsafe RequestCursor(self, limitBytes: limits.bytes)
            defer { written = unsafe cursor.byteCount }
            let histograms = departed.chunk.histogramSeries
            var nextHistogram = 0
            var nextDropped = 0
            for index in range {
                let series = Int(departed.series[index])
                while nextDropped < dropped.count, dropped[nextDropped] < series { nextDropped += 1 }
                while nextHistogram < histograms.count, histograms[nextHistogram] < series {
                    nextHistogram += 1
                }
                let isHistogram = nextHistogram < histograms.count && histograms[nextHistogram] == series
                if nextDropped < dropped.count, dropped[nextDropped] == series {
                    result.pass(tooOld: false, isHistogram: isHistogram)
                    continue
                }
                if isHistogram {
                    let isSent = limits.sendsHistograms
                    if isSent {
                        fields.removeAll()
                        fields.putStaleHistogram(timestampMs: frame.timestampMs)
                        let shape = unsafe labels.shape(ofSeries: series)
                        guard sampleCount < limits.samples,
                            unsafe cursor.put(labels, shape, fields: fields.bytes, self)
                        else { return false }
                        sampleCount += 1
                        result.cover(frame.timestampMs)
                    }
                    result.add(RichSample(isHistogram: true, isSent: isSent))
                    continue
                }
                let shape = unsafe labels.shape(ofSeries: series)
                guard sampleCount < limits.samples,
                    unsafe cursor.put(labels, shape, StaleMarker.bits, field, self)
                else { return false }
                sampleCount += 1
                result.written += 1
                result.consumed += 1
                result.cover(field.timestampMs)
            }
            return true
        }
    }

    /// The target's encoded labels with as many bytes behind them as a copy may read.
    private func padded(_ target: Target) -> [UInt8] {
        if paddedTarget !== target {
            paddedTarget = target
            Self.pad(target, into: &paddedLabels)
        }
        return paddedLabels
    }

    /// Fills `paddedGroup`.
    func pad(_ targets: [Target]) {
        while paddedGroup.count < targets.count { paddedGroup.append([]) }
        for (number, target) in targets.enumerated() { Self.pad(target, into: &paddedGroup[number]) }
    }

    private static func pad(_ target: Target, into padded: inout [UInt8]) {
        padded.removeAll(keepingCapacity: true)
        padded.append(contentsOf: target.encodedLabels)
        padded.append(contentsOf: repeatElement(0, count: readPadding))
    }

    /// Makes room for `needed` bytes in all; the first `written` stay.
    @inline(never)
    func grow(to needed: Int, written: Int) {
        let larger = max(needed, capacity * 2)
        // Safety: the old block holds `written` written bytes, the new one is larger; the old one is freed
        // once.
        let block = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        unsafe block.copyMemory(from: raw, byteCount: written)
        unsafe raw.deallocate()
        unsafe raw = block
        capacity = larger
    }
}
