internal import HTTPServer

/// What an exporter notes on an answer, so that the page is booked as served once its last byte has left.
struct PageReceipt: Equatable {
    let exporter: Int
    let startMs: Int64
    let samples: Int
    /// Whether the page is in the format and the coding that the fleet is set to.
    let isAsSet: Bool

    init(exporter: Int, startMs: Int64, samples: Int, isAsSet: Bool = true) {
        self.exporter = exporter
        self.startMs = startMs
        self.samples = samples
        self.isAsSet = isAsSet
    }

    /// Reads what `field` writes; nil for any other text.
    init?(field: String) {
        let numbers = field.split(separator: " ").compactMap { Int64($0) }
        guard numbers.count == 4 else { return nil }
        self.init(
            exporter: Int(numbers[0]), startMs: numbers[1], samples: Int(numbers[2]), isAsSet: numbers[3] != 0
        )
    }

    /// The receipt as the value of a header field.
    var field: String { "\(exporter) \(startMs) \(samples) \(isAsSet ? 1 : 0)" }

    /// The page, gone now.
    func page(endMs: Int64) -> ServedPage {
        ServedPage(exporter: exporter, startMs: startMs, endMs: endMs, samples: samples, isAsSet: isAsSet)
    }
}

extension ServerResponse {
    /// The header field that carries a receipt from an exporter to `FaultHandler`, which takes it off.
    static var receiptFieldName: String { "Stand-In-Receipt" }

    mutating func set(receipt: PageReceipt) { headers.add(Self.receiptFieldName, receipt.field) }
}
