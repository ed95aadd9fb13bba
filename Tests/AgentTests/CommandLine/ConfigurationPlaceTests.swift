import Testing

@testable import Agent

/// The working directory of the tests has no prometheus.yml.
@Suite struct ConfigurationPlaceTests {
    private func choice(
        _ environment: [String: String], file: String? = nil, url: String? = nil
    ) -> ConfigurationPlace.Choice {
        ConfigurationPlace.choice(configFile: file, remoteWriteURL: url, environment: environment)
    }

    @Test func aFlagComesBeforeEveryVariable() {
        let all = [
            "NARTHEX_REMOTE_WRITE_URL": "u", "S3_CONFIG_LOCATION": "s3://shop/k", "ECS_CONFIG_CONTENT": "c",
        ]
        func unused(_ flag: String) -> [String] {
            ["NARTHEX_REMOTE_WRITE_URL", "S3_CONFIG_LOCATION", "ECS_CONFIG_CONTENT"].map {
                "\($0) is not used: \(flag) comes before it"
            }
        }
        #expect(
            choice(all, file: "/dev/null")
                == .init(place: .file("/dev/null"), warnings: unused("--config.file")))
        #expect(
            choice(all, url: "u")
                == .init(place: .remoteWriteURL("u"), warnings: unused("--remote-write.url")))
        #expect(choice([:], file: "f") == .init(place: .file("f")))
        #expect(
            choice(["S3_CONFIG_LOCATION": "s3://shop/k", "CONFIG_LOCATION": "s3://shop/l"]).warnings == [
                "CONFIG_LOCATION is not used: S3_CONFIG_LOCATION comes before it"
            ])
    }

    @Test func anImageMayNameTheFileThatComesLast() {
        let image = ["NARTHEX_DEFAULT_CONFIG_FILE": "/dev/null"]
        #expect(choice(image) == .init(place: .file("/dev/null")))
        #expect(choice(["NARTHEX_DEFAULT_CONFIG_FILE": "/nonexistent/p.yml"]).place == .nowhere)
        let full = image.merging(["NARTHEX_REMOTE_WRITE_URL": "u"]) { one, _ in one }
        #expect(choice(full) == .init(place: .remoteWriteURL("u")))
        #expect(ConfigurationPlace.defaultFile(image) == "/dev/null")
        #expect(ConfigurationPlace.defaultFile(["NARTHEX_DEFAULT_CONFIG_FILE": ""]) == "prometheus.yml")
    }

    @Test func theOwnVariableComesFirstAndTheOthersAreNamed() {
        let found = choice(["NARTHEX_REMOTE_WRITE_URL": "u", "S3_CONFIG_LOCATION": "s3://shop/k"])
        #expect(found.place == .remoteWriteURL("u"))
        #expect(
            found.warnings == ["S3_CONFIG_LOCATION is not used: NARTHEX_REMOTE_WRITE_URL comes before it"])
    }

    @Test(arguments: ["S3_CONFIG_LOCATION", "CONFIG_LOCATION"])
    func aVariableMayNameAnObject(name: String) {
        #expect(choice([name: "s3://shop/k"]) == .init(place: .file("s3://shop/k")))
        #expect(choice([name: ""]) == .init())
    }

    @Test(arguments: ["/etc/a.yml", "ssm:/a", "secretsmanager:a#b", "env:A", "https://h/a"])
    func aVariableMayNameAnyPlace(location: String) {
        #expect(choice(["CONFIG_LOCATION": location]) == .init(place: .file(location)))
        let other = choice(["S3_CONFIG_LOCATION": location, "CONFIG_LOCATION": "s3://shop/k"])
        #expect(other.place == .file("s3://shop/k") && other.warnings.count == 1)
    }

    @Test func aVariableMayHoldTheContent() {
        #expect(choice(["ECS_CONFIG_CONTENT": "hush"]) == .init(place: .file("env:ECS_CONFIG_CONTENT")))
        #expect(
            choice(["CONFIG_LOCATION": "ssm:/a", "ECS_CONFIG_CONTENT": "hush"]).warnings == [
                "ECS_CONFIG_CONTENT is not used: CONFIG_LOCATION comes before it"
            ])
    }

    @Test func whatCannotBeReadIsSaidWithoutItsValue() {
        let found = choice(["CONFIG_LOCATION": "https://u:hush@h/", "S3_CONFIG_LOCATION": "hush"])
        #expect(found.place == .nowhere && found.warnings == [])
        #expect(found.fault?.contains("CONFIG_LOCATION is not used") == true)
        #expect(found.fault?.contains("S3_CONFIG_LOCATION is not used") == true)
        #expect(found.fault?.contains("hush") == false)
    }

    @Test func spaceAroundAValueIsNoPartOfIt() {
        #expect(choice(["S3_CONFIG_LOCATION": " s3://shop/k\n"]).place == .file("s3://shop/k"))
        #expect(choice(["CONFIG_LOCATION": " \n"]) == .init())
    }

    /// The images that are replaced write the file to the path that the flag names.
    @Test func aVariableStandsInForAFileThatIsNotThere() {
        let path = "/nonexistent/prometheus.yml"
        for (name, value, place) in [
            ("S3_CONFIG_LOCATION", "s3://shop/k", "s3://shop/k"),
            ("ECS_CONFIG_CONTENT", "files: {}", "env:ECS_CONFIG_CONTENT"),
        ] {
            let found = ConfigurationPlace.choice(
                configFile: path, remoteWriteURL: nil, environment: [name: value])
            #expect(found.place == .file(place) && found.warnings.count == 1, "\(found)")
            #expect(found.warnings.first?.contains(path) == true)
        }
        let own = ConfigurationPlace.choice(
            configFile: path, remoteWriteURL: nil, environment: ["NARTHEX_REMOTE_WRITE_URL": "http://h/w"])
        #expect(own.place == .file(path))
        let far = ConfigurationPlace.choice(
            configFile: "ssm:/a", remoteWriteURL: nil, environment: ["S3_CONFIG_LOCATION": "s3://shop/k"])
        #expect(far.place == .file("ssm:/a"))
    }

    @Test func nothingIsNowhere() { #expect(choice([:]) == .init()) }
}
