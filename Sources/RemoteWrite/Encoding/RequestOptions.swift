internal import Configuration
internal import Platform
internal import Relabel
internal import WriteAheadBuffer

/// What in a configuration changes the bytes of a request that is made of the same samples.
enum RequestOptions {
    /// A digest (FNV-1a) of it, which a request is noted with before it leaves; never 0, which stands for
    /// "not told". The same in every run.
    static func digest(_ configuration: RemoteWriteConfiguration, age: SampleAge) -> UInt64 {
        // The order of the samples in a request of 1.0 (`WholeFrames`).
        digest(configuration, age, order: "eight series by eight frames with the labels of their targets")
    }

    /// The digest of the same as versions told it that wrote the frames of a 1.0 request one after the other.
    static func formerDigest(_ configuration: RemoteWriteConfiguration, age: SampleAge) -> UInt64 {
        digest(configuration, age, order: nil)
    }

    private static func digest(
        _ configuration: RemoteWriteConfiguration, _ age: SampleAge, order: String?
    ) -> UInt64 {
        var hash = FNV1a()
        if let order { hash.mix(order) }
        for isOn in [
            configuration.sendNativeHistograms, configuration.sendExemplars, configuration.sendCustomBuckets,
            sendsCustomBucketsBySymbols(configuration), escapesNames(configuration),
        ] {
            hash.mix(isOn ? 1 : 0)
        }
        hash.mix(configuration.protobufMessage.text)
        hash.mix(age.limitMs.map { "\($0)" } ?? "none")
        for rule in configuration.writeRelabelRules.rules {
            hash.mix(0xFF)
            hash.mix("\(rule)")
        }
        return max(1, hash.value)
    }

    /// Whether names beyond the legacy characters are escaped: Amazon Managed Service for Prometheus does
    /// not know them.
    static func escapesNames(_ configuration: RemoteWriteConfiguration) -> Bool {
        configuration.escapeUTF8Names ?? SampleAge.isAMP(configuration.url)
    }

    /// Whether histograms of custom buckets are sent by remote write 2.0, which has a place for them. Amazon
    /// Managed Service for Prometheus takes schemas from -4 to 8.
    static func sendsCustomBucketsBySymbols(_ configuration: RemoteWriteConfiguration) -> Bool {
        configuration.sendCustomBuckets || !SampleAge.isAMP(configuration.url)
    }
}

extension SentRequest {
    /// In which order a request of 1.0 has its samples.
    enum FrameOrder: Equatable {
        /// Whole frames of one shape are written together (`WholeFrames`).
        case together
        /// One frame after the other, as former versions wrote them.
        case log
    }

    /// The order in which the request has the same bytes when it is made again by the `options` that hold
    /// now; `former` is the digest of the same options by former versions. Versions that told no options
    /// wrote one frame after the other. Nil where other options have made the request.
    func frameOrder(by options: UInt64, former: UInt64) -> FrameOrder? {
        if self.options == options { return .together }
        return self.options == 0 || self.options == former ? .log : nil
    }
}
