/// What jobs want to know beyond tasks.
struct ECSNeeds: OptionSet, Sendable {
    let rawValue: Int

    static let definitions = ECSNeeds(rawValue: 1)
    static let services = ECSNeeds(rawValue: 2)
    static let clusters = ECSNeeds(rawValue: 4)
    static let interfaces = ECSNeeds(rawValue: 8)
}
