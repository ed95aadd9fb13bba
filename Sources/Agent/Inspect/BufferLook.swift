public import Platform
import WriteAheadBuffer

/// `narthex buffer`: looks into the directory of a buffer, whether an agent runs there or not.
public struct BufferLook: Sendable {
    public enum Action: String, CaseIterable, Sendable {
        case inspect, verify, dump
    }

    private let action: Action
    private let directory: String
    /// JSON instead of text for people.
    public var showsJSON = false
    /// Where a dump begins.
    public var segment: UInt64 = 0
    /// Bytes of that segment before the first frame of a dump, which may have begun before.
    public var offset: UInt64 = 0
    /// The only job of a dump; nil for all.
    public var job: String?
    /// The most frames of a dump; 0 for all.
    public var limit = 100

    public init(_ action: Action, _ directory: String) {
        self.action = action
        self.directory = directory
    }

    /// Gives `write` what is to be shown, piece by piece. Throws `.refused` without a message when `verify`
    /// has found damage. Throws `.storage` when something cannot be read, without a message where what is
    /// shown says so, and when a dump has no frame of the job or from the place that it is asked for.
    public func run(
        clock: any AgentClock = SystemClock(), files: any FileDoor = POSIXFiles(),
        write: (String) throws(AgentError) -> Void
    ) throws(AgentError) {
        let inspection = BufferInspection(directory: directory, files: files)
        let noBuffer = AgentError(.storage, "\(directory) holds no file of a buffer")
        guard action != .dump else {
            guard try readable({ () throws(FileError) in try inspection.hasBuffer() }) else { throw noBuffer }
            var dump = FrameDump(isJSON: showsJSON, job: job, limit: limit == 0 ? Int.max : limit)
            let place = BufferPosition(segment: segment, offset: offset)
            let isReadable = try readable { () throws(FileError) in
                try dump.run(inspection, from: place, write)
            }
            if let failure = dump.failure { throw failure }
            let lack = try dump.hasFrames ? nil : lack(inspection)
            if lack != nil || !isReadable { throw AgentError(.storage, lack ?? "") }
            return
        }
        let survey = try readable { () throws(FileError) in try inspection.survey() }
        guard !survey.segments.isEmpty || !survey.destinations.isEmpty || !survey.findings.isEmpty else {
            throw noBuffer
        }
        let page = SurveyPage(survey: survey, directory: directory, nowMs: clock.wallMs)
        try write(showsJSON ? page.json : action == .verify ? page.verdict : page.text)
        if survey.isUnreadable { throw AgentError(.storage, "") }
        if action == .verify, survey.isDamaged { throw AgentError(.refused, "") }
    }

    /// What a dump without frames was asked for and is not there; nil where it was asked for all.
    private func lack(_ inspection: BufferInspection) throws(AgentError) -> String? {
        guard job != nil || segment > 0 else { return nil }
        let newest = try readable { () throws(FileError) in try inspection.newestSegment() }
        guard let newest else { return "\(directory) holds no segment" }
        guard segment <= newest else {
            return "\(directory) holds no segment \(segment): its newest is \(newest)"
        }
        let what = job.map { "frame of job \(VisibleText.shown($0))" } ?? "frame"
        let place = BufferPosition(segment: segment, offset: offset)
        return "\(directory) holds no \(what)" + (segment > 0 ? " from \(place) on" : "")
    }

    private func readable<Value>(
        _ look: () throws(FileError) -> Value
    ) throws(AgentError) -> Value {
        do throws(FileError) {
            return try look()
        } catch {
            throw AgentError(.storage, "the directory cannot be looked at: \(error)")
        }
    }
}
