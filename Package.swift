// swift-tools-version: 6.2
import PackageDescription

/// The same rules for every Swift target: the reasons stand in docs/architecture.md.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

/// For modules that do little for each sample: the image has a limit on its size. With these the program was
/// 0.55 MB of 28.8 smaller, and the costs of Tests/Integration/costs.json were the same.
let small: [SwiftSetting] = [.unsafeFlags(["-Osize"], .when(configuration: .release))]

/// One room of the house, with the arrows ARCHITECTURE allows it.
func room(_ name: String, _ dependencies: [Target.Dependency], isSmall: Bool = false) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings + (isSmall ? small : []))
}

/// The tests of one room; integration tests with real parts live in Tests/Integration and are Python.
func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.target(name: name), "TestSupport"] + dependencies,
        swiftSettings: settings)
}

/// A command.
func command(_ name: String, _ dependencies: [Target.Dependency], isSmall: Bool = false) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, swiftSettings: settings + (isSmall ? small : []))
}

/// `NARTHEX_COMMIT=$(git rev-parse HEAD) swift build -c release` says in the program what it was built from.
/// Debug builds say nothing, so that a commit does not make them link anew.
let buildStamp: [CSetting] =
    Context.environment["NARTHEX_COMMIT"].map { commit in
        // An image that is built without saying it passes nothing on.
        guard !commit.isEmpty else { return [] }
        guard (7...64).contains(commit.utf8.count), commit.allSatisfy(\.isHexDigit) else {
            preconditionFailure("NARTHEX_COMMIT is the hash of a commit: $(git rev-parse HEAD)")
        }
        return [.define("NARTHEX_COMMIT", to: commit, .when(configuration: .release))]
    } ?? []

let package = Package(
    name: "narthex",
    products: [
        .executable(name: "narthex", targets: ["narthex"]),
        .executable(name: "narthex-demo", targets: ["narthex-demo"]),
        .executable(name: "narthex-bench", targets: ["narthex-bench"]),
        .executable(name: "narthex-standins", targets: ["narthex-standins"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    ],
    targets: [
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CSnappy", providers: [.apt(["libsnappy-dev"])]),
        .systemLibrary(
            name: "CProtobufC", pkgConfig: "libprotobuf-c", providers: [.apt(["libprotobuf-c-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CDeflate", pkgConfig: "libdeflate", providers: [.apt(["libdeflate-dev"])]),
        .systemLibrary(name: "CExpat", pkgConfig: "expat", providers: [.apt(["libexpat1-dev"])]),
        .target(name: "CPlatform", cSettings: buildStamp),
        .target(name: "CRE2", linkerSettings: [.linkedLibrary("re2")]),
        // Only the benchmark has it: libcurl without any of this project's Swift around it, as a yardstick.
        .target(name: "CBareLoop", dependencies: ["CCurl"]),
        .target(name: "CPrompb", dependencies: ["CProtobufC"]),

        room("Platform", ["CPlatform"]),
        room("Telemetry", ["JSON", "Platform", logging]),
        room("Addresses", []),
        room("MetricModel", ["Platform"]),
        room("Cryptography", ["Platform", "CCrypto"]),
        room("Relabel", ["Cryptography", "MetricModel", "CRE2"]),
        room(
            "Configuration", ["Addresses", "JSON", "Relabel", "MetricModel", "Platform", "CYAML"],
            isSmall: true),
        room("Compression", ["CDeflate"]),
        room(
            "HTTPTransport",
            [
                "Addresses", "Compression", "Telemetry", "Platform", "CCurl", logging,
                .product(name: "HeapModule", package: "swift-collections"),
            ]),
        room("JSON", ["Platform"]),
        room(
            "HTTPAccess",
            ["Addresses", "JSON", "Cryptography", "HTTPTransport", "Configuration", "Platform"], isSmall: true
        ),
        room(
            "AWS",
            [
                "Addresses", "JSON", "Cryptography", "HTTPTransport", "Telemetry", "Platform", "CExpat",
                logging,
            ]),
        room(
            "Discovery",
            [
                "Addresses", "AWS", "HTTPTransport", "Relabel", "Configuration", "MetricModel", "Telemetry",
                "Platform", logging,
            ], isSmall: true),
        room(
            "Scrape",
            [
                "HTTPTransport", "JSON", "Relabel", "Configuration", "MetricModel", "Telemetry", "Platform",
                logging,
            ]),
        room("WriteAheadBuffer", ["MetricModel", "Telemetry", "Platform", logging]),
        room(
            "RemoteWrite",
            [
                "Addresses", "AWS", "Cryptography", "HTTPTransport", "Relabel", "Configuration",
                "MetricModel", "Telemetry", "Platform", "WriteAheadBuffer", "CPrompb", "CProtobufC",
                logging,
            ]),
        room(
            "HTTPServer",
            [
                "Compression", "Platform", logging,
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
        room("StatusServer", ["HTTPServer", "JSON", "Telemetry", "Platform", logging], isSmall: true),
        room(
            "Agent",
            [
                "Discovery", "Scrape", "WriteAheadBuffer", "RemoteWrite", "StatusServer", "Relabel",
                "Configuration", "Addresses",
                "AWS", "Cryptography", "HTTPAccess", "HTTPTransport", "JSON", "MetricModel", "Telemetry",
                "Platform", logging,
            ], isSmall: true),
        room(
            "StandIns",
            [
                "JSON", "HTTPServer", "AWS", "Compression", "Cryptography", "Platform", "CPrompb",
                "CProtobufC", "CSnappy", logging,
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),

        command(
            "narthex",
            [
                "Agent", "Telemetry", "Platform", logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], isSmall: true),
        command("narthex-demo", ["Agent", "StandIns", "AWS", "Telemetry", "Platform", logging]),
        command(
            "narthex-standins",
            [
                "StandIns", "JSON", "HTTPServer", "AWS", "Platform",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        command(
            "narthex-bench",
            [
                "CBareLoop", "Compression", "Configuration", "JSON", "Scrape", "WriteAheadBuffer",
                "RemoteWrite", "StandIns", "AWS", "Cryptography", "HTTPTransport", "MetricModel", "Telemetry",
                "Platform", logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),

        .target(
            name: "TestSupport", dependencies: ["Platform", logging], path: "Tests/TestSupport",
            swiftSettings: settings),
        tests("Platform"),
        tests("Telemetry", ["Platform", logging]),
        tests("Addresses"),
        tests("MetricModel", ["Platform"]),
        tests("Cryptography", ["Platform"]),
        tests("Relabel", ["Cryptography", "MetricModel"]),
        tests("Configuration", ["Relabel", "MetricModel"]),
        tests("Compression"),
        tests("HTTPTransport", ["Addresses", "Compression", "HTTPServer", "Telemetry", "Platform", "CCurl"]),
        tests("JSON"),
        tests("HTTPAccess", ["Addresses", "JSON", "HTTPTransport", "Configuration", "Platform"]),
        tests("AWS", ["JSON", "Cryptography", "HTTPTransport", "HTTPServer", "Telemetry", "Platform"]),
        tests(
            "Discovery",
            [
                "Addresses", "StandIns", "AWS", "HTTPTransport", "Relabel", "Configuration", "MetricModel",
                "Telemetry", "Platform",
            ]),
        tests(
            "Scrape",
            ["HTTPTransport", "Relabel", "Configuration", "MetricModel", "Telemetry", "Platform"]),
        tests("WriteAheadBuffer", ["MetricModel", "Telemetry", "Platform", logging]),
        tests(
            "RemoteWrite",
            [
                "AWS", "HTTPTransport", "Relabel", "Configuration", "MetricModel", "Telemetry", "Platform",
                "WriteAheadBuffer", "CPrompb", "CProtobufC", "CSnappy", logging,
            ]),
        tests("Agent", ["Platform"]),
        tests("HTTPServer", ["Platform"]),
        tests("StatusServer", ["HTTPServer", "Telemetry", "Platform"]),
        tests(
            "StandIns",
            [
                "JSON", "AWS", "Compression", "Configuration", "Cryptography", "HTTPServer", "HTTPTransport",
                "MetricModel", "Scrape", "Telemetry", "Platform", logging,
            ]),
        .testTarget(name: "DemoTests", dependencies: ["narthex-demo"], swiftSettings: settings),
        .testTarget(
            name: "BenchTests", dependencies: ["narthex-bench", "StandIns", "JSON"], swiftSettings: settings),
    ],
    cxxLanguageStandard: .cxx17
)

// `NARTHEX_TESTS=Scrape,Discovery swift build --build-tests` builds the unit tests of these modules alone,
// which is several times quicker than building all of them. Unset, as in CI, every test is built.
if let names = Context.environment["NARTHEX_TESTS"]?.split(separator: ",") {
    package.targets.removeAll { target in
        target.type == .test && !names.contains { target.name == "\($0)Tests" }
    }
}

// The fuzzer brings the main of its program, so that is there only for script/fuzz.
if Context.environment["NARTHEX_FUZZ"] != nil {
    package.products.append(.executable(name: "narthex-fuzz", targets: ["narthex-fuzz"]))
    package.targets.append(
        .executableTarget(
            name: "narthex-fuzz",
            dependencies: [
                "Scrape", "WriteAheadBuffer", "HTTPTransport", "Addresses", "Compression", "Configuration",
                "MetricModel", "Telemetry", "Platform", logging,
            ],
            path: "Tests/Fuzz/Targets",
            swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])]))
}

// What proves the promises of the buffer by breaking it: script/torture builds it, optimised and with testing
// enabled. Nobody else needs it.
if Context.environment["NARTHEX_TORTURE"] != nil {
    // Only script/sanitize wants it, with the thread sanitizer.
    let watch: [Target.Dependency] = Context.environment["NARTHEX_TSAN"] != nil ? ["CMutexWatch"] : []
    if !watch.isEmpty {
        package.targets.append(.target(name: "CMutexWatch", path: "Tests/Torture/CMutexWatch"))
    }
    package.products.append(.executable(name: "narthex-torture", targets: ["narthex-torture"]))
    package.targets.append(
        .executableTarget(
            name: "narthex-torture",
            dependencies: watch + [
                "WriteAheadBuffer", "MetricModel", "Telemetry", "Platform", "TestSupport", logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/Torture/Program", swiftSettings: settings))
}
