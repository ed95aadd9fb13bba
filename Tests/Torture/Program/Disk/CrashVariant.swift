/// What a disk has of a workload that ends before a call.
enum CrashVariant: Hashable, Sendable, CustomStringConvertible {
    /// The process died: everything before the call is there.
    case died
    /// The same with a beginning of the call, which is a write.
    case diedTorn(bytes: Int)
    /// The power went: of the content of files what was synced, of the names what was synced and so many of
    /// the changes since, in their order.
    case power(names: Int)
    /// The same with all names, and all of the file that the call writes to, with a beginning of the call.
    case powerTorn(bytes: Int)
    /// The power went, and of the sectors written since the last sync of a file any were on the disk; one of
    /// several choices.
    case reordered(Int)

    var isPower: Bool {
        switch self {
        case .died, .diedTorn: false
        case .power, .powerTorn, .reordered: true
        }
    }

    /// For the counts.
    var kind: String {
        switch self {
        case .died: "died"
        case .diedTorn: "died, torn"
        case .power(let names): names == 0 ? "power" : "power, names kept"
        case .powerTorn: "power, torn"
        case .reordered: "power, reordered"
        }
    }

    static let kinds = [
        "died", "died, torn", "power", "power, names kept", "power, torn", "power, reordered",
    ]

    /// As `--point` takes it.
    var description: String {
        switch self {
        case .died: "died"
        case .diedTorn(let bytes): "died+\(bytes)"
        case .power(let names): "power\(names)"
        case .powerTorn(let bytes): "power+\(bytes)"
        case .reordered(let choice): "reordered\(choice)"
        }
    }
}
