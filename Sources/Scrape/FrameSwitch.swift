import Synchronization

/// Whether something goes into frames, for every target at once: without a destination that sends it, it
/// would fill memory and the disk. A reload turns it, and the next scrape of each target sees it.
/// Thread-safe.
public final class FrameSwitch: Sendable {
    private let state: Atomic<Bool>

    public init(_ isOn: Bool) { state = Atomic(isOn) }

    public var isOn: Bool {
        get { state.load(ordering: .relaxed) }
        set { state.store(newValue, ordering: .relaxed) }
    }
}
