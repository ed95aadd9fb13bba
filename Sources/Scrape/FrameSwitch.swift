import Synchronization

/// Whether frames carry something optional, such as exemplars, for all targets at once. It is off while no
/// destination sends it, since it would fill memory and the disk for nothing. A reload turns it on or off,
/// and the next scrape of each target sees that. Thread-safe.
public final class FrameSwitch: Sendable {
    private let state: Atomic<Bool>

    public init(_ isOn: Bool) { state = Atomic(isOn) }

    public var isOn: Bool {
        get { state.load(ordering: .relaxed) }
        set { state.store(newValue, ordering: .relaxed) }
    }
}
