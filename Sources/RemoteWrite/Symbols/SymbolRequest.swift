internal import MetricModel

#if canImport(Glibc)
import Glibc
#endif

/// Writes the series of a request of remote write 2.0 (`Request.timeseries`) into a scratch, and gathers the
/// request's symbols. Each string of a chunk or a target is looked up once a request; a series then costs a
/// load and a store for each reference.
@safe struct SymbolRequest {
    private(set) var table = SymbolTable()
    private let cache: ChunkSymbolCache
    /// Where the strings of each chunk of this request stand in `indices`. The chunks' symbols are held, so
    /// that none takes another's identity.
    private var openChunks: [ObjectIdentifier: (symbols: ChunkSymbols, start: Int, chunk: LayoutChunk)] = [:]
    /// For each string its index in `table`; 0 where it has not been asked for (or is empty).
    private var indices: [UInt32] = []
    private var target: Target?
    /// Where name and value of each of the target's labels stand in its encoded labels, and their indices.
    private var targetPlaces: [Range<Int>] = []
    private var targetIndices: [UInt32] = []
    private var fields = SampleFields()
    private var references: [UInt32] = []
    private var startField = TimestampField(0, tag: 0x18)
    /// A limit has ended the request: strings that were taken back may be noted in `indices`.
    private var isFull = false

    init(cache: ChunkSymbolCache) { self.cache = cache }

    /// Bytes held, with what is kept for the next request; of chunks and their symbols only the references.
    var heldBytes: Int { table.heldBytes + indices.capacity * 4 + openChunks.capacity * 40 }

    /// Whether it holds chunks, which then stay however long the request is over.
    var holdsChunks: Bool { !openChunks.isEmpty }

    /// Called when a request begins and when it ends. Afterwards nothing of a request is held.
    mutating func removeAll() {
        table.removeAll()
        openChunks.removeAll(keepingCapacity: true)
        indices.removeAll(keepingCapacity: true)
        target = nil
        isFull = false
    }

    /// What is written of one chunk.
    private struct Place {
        var symbols = ChunkSymbols.none
        /// Of the chunk's strings in `indices`.
        var start = 0
        /// The metadata field of the run that the last series was in, and where that run ends.
        var metadata = MetadataField()
        var run = 0..<0
    }

    /// The plain sample of a series; with `fields` set for anything else.
    private struct Sample {
        var valueBits: UInt64
        var field: TimestampField
        /// As the target tells it, or 0. A start behind the sample is a mistake: the sample goes without.
        var toldStartMs: Int64
        var startMs: Int64 { toldStartMs <= field.timestampMs ? toldStartMs : 0 }
    }

    // MARK: a chunk of a frame

    /// Writes the samples of `chunk`, whose series are `series` of the frame's layout; false when a limit
    /// ended the request.
    mutating func append(
        _ chunk: LayoutChunk, _ series: Range<Int>, of frame: Frame, _ limits: EncodeLimits,
        _ walk: inout FrameWalk, _ result: inout FrameEncoding, _ scratch: RequestScratch
    ) -> Bool {
        guard series.contains(walk.ordinal) else { return true }
        guard !isFull else { return false }
        let opened = open(chunk, frame.target)
        var place = opened ?? Place()
        var starts = StartWalk(frame, from: walk.ordinal)
        let frameField = TimestampField(frame.timestampMs)
        while walk.ordinal < series.upperBound, walk.remaining > 0 {
            let ordinal = walk.ordinal
            let mark = table.count
            var sample = Sample(
                valueBits: frame.values[ordinal].bitPattern, field: frameField,
                toldStartMs: starts.startMs(of: ordinal, in: frame))
            var rich: RichSample?
            if ordinal == walk.nextSpecial {
                let special = walk.special(at: ordinal, of: frame, ownAgeMs: limits.ownAgeMs)
                switch special {
                case .at(let ownMs): sample.field = TimestampField(ownMs)
                case .rich(let ownMs):
                    sample.field = TimestampField(ownMs)
                    rich = gather(frame, &walk, sample, limits)
                case .absent, .tooOld, .unwanted:
                    if special != .absent {
                        result.pass(tooOld: special == .tooOld, isHistogram: walk.isHistogram(frame))
                        walk.remaining -= 1
                    }
                    walk.passSpecial(of: frame)
                    continue
                }
            }
            if opened == nil {
                table.removeLast(to: mark)  // Takes out the exemplar strings of a series that is not sent.
                result.malformed += 1
                result.consumed += 1
            } else if let rich, !rich.isSent {
                result.add(rich)
            } else {
                guard
                    put(
                        &place, ordinal - series.lowerBound, sample, isRich: rich != nil, mark: mark, limits,
                        scratch)
                else { return false }
                result.cover(sample.field.timestampMs)
                if let rich {
                    result.add(rich)
                } else {
                    result.written += 1
                    result.consumed += 1
                }
            }
            walk.remaining -= 1
            if ordinal == walk.nextSpecial { walk.passSpecial(of: frame) } else { walk.ordinal += 1 }
        }
        return true
    }

    /// Writes stale markers of `departed.series[range]`; false when a limit ended the request.
    mutating func append(
        _ departed: Frame.Departed, _ dropped: [UInt32], _ range: Range<Int>, of frame: Frame,
        _ limits: EncodeLimits, _ result: inout FrameEncoding, _ scratch: RequestScratch
    ) -> Bool {
        guard !isFull else { return false }
        let opened = open(departed.chunk, frame.target)
        var place = opened ?? Place()
        let histograms = departed.chunk.histogramSeries
        var (nextHistogram, nextDropped) = (0, 0)
        let marker = Sample(
            valueBits: StaleMarker.bits, field: TimestampField(frame.timestampMs), toldStartMs: 0)
        for index in range {
            let series = Int(departed.series[index])
            while nextDropped < dropped.count, dropped[nextDropped] < series { nextDropped += 1 }
            while nextHistogram < histograms.count, histograms[nextHistogram] < series { nextHistogram += 1 }
            let isHistogram = nextHistogram < histograms.count && histograms[nextHistogram] == series
            if nextDropped < dropped.count, dropped[nextDropped] == series {
                result.pass(tooOld: false, isHistogram: isHistogram)
            } else if opened == nil {
                result.malformed += 1
                result.consumed += 1
            } else if isHistogram, !limits.sendsHistograms {
                result.add(RichSample(isHistogram: true, isSent: false))
            } else {
                if isHistogram {
                    fields.removeAll()
                    fields.putStaleHistogram(timestampMs: frame.timestampMs, of: .v2)
                }
                let mark = table.count
                guard put(&place, series, marker, isRich: isHistogram, mark: mark, limits, scratch)
                else { return false }
                result.cover(frame.timestampMs)
                result.add(RichSample(isHistogram: isHistogram, isSent: true))
            }
        }
        return true
    }

    // MARK: what a series holds

    /// Writes to `fields` what the walk stands at: a histogram, or a sample with exemplars. The order is
    /// that of the fields' numbers.
    private mutating func gather(
        _ frame: Frame, _ walk: inout FrameWalk, _ sample: Sample, _ limits: EncodeLimits
    ) -> RichSample {
        fields.removeAll()
        var rich = RichSample(isHistogram: walk.isHistogram(frame), isSent: true)
        let exemplars = walk.exemplars(frame)
        let timestampMs = sample.field.timestampMs
        if rich.isHistogram {
            let histogram = walk.histogram(frame)
            let isCustom = histogram?.hasCustomBuckets ?? false
            guard limits.sendsHistograms, !isCustom || limits.sendsCustomBuckets else {
                rich.isSent = false
                rich.hasCustomBuckets = limits.sendsHistograms
                return rich
            }
            if let histogram {
                fields.putHistogram(
                    histogram, timestampMs: timestampMs, startMs: sample.startMs, of: .v2)
            } else {
                fields.putStaleHistogram(timestampMs: timestampMs, of: .v2)
            }
        } else {
            fields.putSample(
                valueBits: sample.valueBits, timestampMs: timestampMs, startMs: sample.startMs)
        }
        guard limits.sendsExemplars else {
            rich.exemplarsOff = exemplars.count
            return rich
        }
        for entry in exemplars where resolve(entry.exemplar) {
            fields.putExemplar(entry.exemplar, references: references, sampleMs: timestampMs)
            rich.exemplars += 1
        }
        return rich
    }

    /// The references of an exemplar's labels; false when its bytes are not labels.
    private mutating func resolve(_ exemplar: Exemplar) -> Bool {
        references.removeAll(keepingCapacity: true)
        let mark = table.count
        let bytes = exemplar.encodedLabels
        var offset = 0
        while offset < bytes.count {
            guard let label = EncodedLabels.next(bytes.span, at: &offset) else {
                table.removeLast(to: mark)
                return false
            }
            references.append(table.index(of: bytes.span.extracting(label.name)))
            references.append(table.index(of: bytes.span.extracting(label.value)))
        }
        return true
    }

    // MARK: where strings stand

    /// Where the strings of a chunk stand; nil when its bytes are not labels.
    private mutating func open(_ chunk: LayoutChunk, _ target: Target) -> Place? {
        if self.target !== target { take(target) }
        let key = ObjectIdentifier(chunk)
        if openChunks[key] == nil {
            guard let symbols = cache.symbols(of: chunk) else { return nil }
            openChunks[key] = (symbols, indices.count, chunk)
            indices.append(contentsOf: repeatElement(0, count: symbols.stringCount))
        }
        return openChunks[key].map {
            Place(symbols: $0.symbols, start: $0.start)
        }
    }

    private mutating func take(_ target: Target) {
        self.target = target
        targetPlaces.removeAll(keepingCapacity: true)
        targetIndices.removeAll(keepingCapacity: true)
        let bytes = target.encodedLabels
        var offset = 0
        // A target makes its encoded labels itself.
        while let label = EncodedLabels.next(bytes.span, at: &offset) {
            targetPlaces.append(label.name)
            targetPlaces.append(label.value)
        }
        targetIndices.append(contentsOf: repeatElement(0, count: targetPlaces.count))
    }

    /// Looks a string of a chunk up for the first time in this request.
    @inline(never)
    private mutating func lookUp(_ string: UInt32, _ place: Place) -> UInt32 {
        let text = place.symbols.text
        let index = table.index(of: text.span.extracting(place.symbols.place(of: string)))
        indices[place.start + Int(string)] = index
        return index
    }

    @inline(never)
    private mutating func lookUp(targetString number: Int) -> UInt32 {
        guard let bytes = target?.encodedLabels else { return 0 }
        let index = table.index(of: bytes.span.extracting(targetPlaces[number]))
        targetIndices[number] = index
        return index
    }

    // MARK: a series

    /// Writes one series with its sample, or with `fields` where it is rich; false when it would pass a
    /// limit: then nothing has changed but that the request is full.
    private mutating func put(
        _ place: inout Place, _ series: Int, _ sample: Sample, isRich: Bool, mark: Int,
        _ limits: EncodeLimits, _ scratch: RequestScratch
    ) -> Bool {
        guard scratch.sampleCount < limits.samples else { return end(mark) }
        let firstPiece = Int(place.symbols.pieceOffsets[series])
        let endPiece = Int(place.symbols.pieceOffsets[series + 1])
        var reference = firstPiece == 0 ? 0 : Int(place.symbols.pieces[firstPiece - 1].runEnd)
        let own = Int(place.symbols.pieces[endPiece - 1].runEnd) - reference
        // A reference takes five bytes at most.
        let most =
            scratch.written + 5 * (own + (endPiece - firstPiece) * targetIndices.count) + fields.bytes.count
            + RequestScratch.slack
        if most > scratch.capacity { scratch.grow(to: most, written: scratch.written) }
        // Safety: all that is written is below `most`, so within the capacity: behind the references at
        // most 22 bytes of tags and lengths, 32 of a sample or the fields, 16 of metadata, and what the
        // wide stores touch behind them.
        let start = unsafe scratch.raw + scratch.written
        // Tag and length take at most six bytes each; what is behind them is moved once lengths are known.
        let labels = unsafe start + 12
        var out = unsafe labels
        for number in firstPiece..<endPiece {
            let piece = place.symbols.pieces[number]
            let end = Int(piece.runEnd)
            while reference < end {
                let string = place.symbols.references[reference]
                var index = indices[place.start + Int(string)]
                if index == 0 { index = lookUp(string, place) }
                unsafe out = out.put(varint: index)
                reference += 1
            }
            let first = 2 * Int(piece.firstTargetLabel)
            for number in first..<first + 2 * Int(piece.targetLabelCount) {
                var index = targetIndices[number]
                if index == 0 { index = lookUp(targetString: number) }
                unsafe out = out.put(varint: index)
            }
        }
        let labelBytes = unsafe out - labels
        if isRich {
            unsafe fields.bytes.withUnsafeBytes { bytes in
                if let address = bytes.baseAddress {
                    unsafe out.copyMemory(from: address, byteCount: bytes.count)
                }
            }
            unsafe out += fields.bytes.count
        } else {
            unsafe out = put(sample, to: out)
        }
        if !place.run.contains(series) { take(metadataOf: series, &place) }
        unsafe out.storeBytes(of: place.metadata.bytes, as: SIMD16<UInt8>.self)
        unsafe out += place.metadata.length
        return unsafe close(start, labels, labelBytes: labelBytes, end: out, mark: mark, limits, scratch)
    }

    /// Writes the series' frame around what stands from `labels` on: `labels_refs` and the series itself.
    private mutating func close(
        _ start: UnsafeMutableRawPointer, _ labels: UnsafeMutableRawPointer, labelBytes: Int,
        end: UnsafeMutableRawPointer, mark: Int, _ limits: EncodeLimits, _ scratch: RequestScratch
    ) -> Bool {
        let labelHead = labelBytes == 0 ? 0 : 1 + ProtobufWire.varintLength(labelBytes)
        let length = unsafe labelHead + (end - labels)
        let seriesHead = 1 + ProtobufWire.varintLength(length)
        let total = scratch.written + seriesHead + length
        if total + table.bytes.count > limits.bytes, scratch.sampleCount > 0 { return self.end(mark) }
        // Safety: what is moved and written lies between `start` and `end`.
        unsafe memmove(start + seriesHead + labelHead, labels, end - labels)
        unsafe start.putHead(0x2A, length)
        if labelHead > 0 { unsafe (start + seriesHead).putHead(0x0A, labelBytes) }
        scratch.written = total
        scratch.sampleCount += 1
        return true
    }

    /// A limit ends the request: the strings that it was to have from here on are taken out.
    private mutating func end(_ mark: Int) -> Bool {
        table.removeLast(to: mark)
        isFull = true
        return false
    }

    /// `TimeSeries.samples` with one sample.
    @inline(__always)
    private mutating func put(
        _ sample: Sample, to start: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        // Safety: 34 bytes at most, and 15 more that a wide store touches; the caller has made room.
        var out = unsafe start + 2
        unsafe out.storeBytes(of: 0x09, as: UInt8.self)
        unsafe (out + 1).storeBytes(of: sample.valueBits.littleEndian, as: UInt64.self)
        unsafe out += sample.valueBits == 0 ? 0 : 9
        unsafe out.storeBytes(of: sample.field.bytes, as: SIMD16<UInt8>.self)
        unsafe out += sample.field.length
        if sample.startMs != 0 {
            if startField.timestampMs != sample.startMs { startField = .init(sample.startMs, tag: 0x18) }
            unsafe out.storeBytes(of: startField.bytes, as: SIMD16<UInt8>.self)
            unsafe out += startField.length
        }
        let length = unsafe out - start - 2
        unsafe start.storeBytes(
            of: UInt16(truncatingIfNeeded: 0x12 | length << 8).littleEndian, as: UInt16.self)
        return unsafe out
    }

    /// Makes the metadata field of the run that a series is in.
    private mutating func take(metadataOf series: Int, _ place: inout Place) {
        let (range, family) = place.symbols.run(of: series)
        place.run = range
        guard let number = family else {
            place.metadata = MetadataField()
            return
        }
        let texts = place.symbols.families[number]
        place.metadata = MetadataField(
            kind: texts.kind, help: texts.help == 0 ? 0 : known(texts.help, place),
            unit: texts.unit == 0 ? 0 : known(texts.unit, place))
    }

    private mutating func known(_ string: UInt32, _ place: Place) -> UInt32 {
        let index = indices[place.start + Int(string)]
        return index == 0 ? lookUp(string, place) : index
    }
}
