internal import Configuration
internal import Platform
internal import Relabel
internal import WriteAheadBuffer

/// What in a configuration changes the bytes of a request that is made of the same samples.
enum RequestOptions {
    /// A digest (FNV-1a) of it, which a request is noted with before it leaves; never 0, which stands for
    /// "not told". The same in every run.
    static func digest(_ configuration: RemoteWriteConfiguration, age: SampleAge) -> UInt64 {
        var hash = FNV1a()
        // The order of the samples in a request of 1.0 (`WholeFrames`).
        hash.mix("eight series by eight frames with the labels of their targets")
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
    /// Whether the request has the same bytes when it is made again by `options`. Versions that have not
    /// told their options wrote the frames of a 1.0 request one after the other, and those of a 2.0 request
    /// as now.
    func isMade(by options: UInt64) -> Bool {
        self.options == options || self.options == 0 && protocolVersion != WriteMessage.v1.rawValue
    }
}
