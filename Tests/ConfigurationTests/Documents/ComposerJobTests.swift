import Testing

@testable import Configuration

@Suite struct ComposerJobTests {
    private func job(_ text: String) throws(ConfigurationErrors) -> ComposerJob {
        guard case .composerJob(let job) = try ConfigurationDocument.of(Array(text.utf8), name: "job") else {
            throw ConfigurationErrors([.init(file: "job", line: 0, column: 0, message: "no job")])
        }
        return job
    }

    private func faults(_ text: String) -> [String] {
        do throws(ConfigurationErrors) {
            _ = try job(text)
            return []
        } catch {
            return error.errors.map(\.description)
        }
    }

    @Test func contentComesWithItsMarks() throws {
        let found = try job(
            """
            files:
              /etc/prometheus/prometheus.yml:
                content: |
                  global: {}
                encoding: plain
                context: jinja2
                owner: nobody
                group: "65534"
                mode: "0640"
              /etc/prometheus/b.yml: {content: Yg==, encoding: base64, ignore_if_failed: true}
            """)
        #expect(found.files.map(\.path) == ["/etc/prometheus/prometheus.yml", "/etc/prometheus/b.yml"])
        let first = found.files[0]
        #expect(first.content == "global: {}\n" && first.isTemplate && !first.isBase64 && first.mode == 0o640)
        #expect(first.line == 2 && !first.ignoresFailure)
        let second = found.files[1]
        #expect(second.isBase64 && !second.isTemplate && second.mode == 0o644 && second.ignoresFailure)
        #expect(found.warnings.isEmpty)
    }

    static let sources: [(String, ComposerJob.Source.Kind)] = [
        ("Ssm: {ParameterName: /a}", .parameter("/a")),
        ("S3: {BucketName: b, Key: k/l}", .object(bucket: "b", key: "k/l")),
        ("S3: {S3Uri: 's3://b/k/l'}", .object(bucket: "b", key: "k/l")),
        ("S3: {ComposeXUri: 'b::k'}", .object(bucket: "b", key: "k")),
        (
            "Secret: {SecretId: s, VersionStage: p, JsonKey: j}",
            .secret(id: "s", versionID: nil, versionStage: "p", jsonKey: "j")
        ),
        (
            "Url: {Url: 'https://h/a', Username: u, Password: p}",
            .web(url: "https://h/a", username: "u", password: Secret("p"))
        ),
    ]

    @Test(arguments: sources)
    func sourcesAreRead(text: String, kind: ComposerJob.Source.Kind) throws {
        let found = try job("files: {/a: {source: {\(text)}}}")
        #expect(found.files.first?.source?.kind == kind)
    }

    @Test func anotherRoleIsTheSourcesOwnOrTheJobs() throws {
        let found = try job(
            """
            IamOverride: {RoleArn: r, RegionName: eu-west-1}
            files:
              /a: {source: {Ssm: {ParameterName: a}}}
              /b: {source: {Ssm: {ParameterName: a, IamOverride: {RoleArn: s, ExternalId: e}}}}
              /c: {source: {S3: {BucketName: b, Key: k, BucketRegion: us-east-1}}}
            """)
        #expect(found.files.map { $0.source?.roleARN } == ["r", "s", "r"])
        #expect(found.files.map { $0.source?.region } == ["eu-west-1", nil, "us-east-1"])
        #expect(found.files[1].source?.externalID == "e")
        #expect(found.warnings.isEmpty)
    }

    @Test(arguments: [
        "files: {}", "files: {a: {content: b}}", "files: {/a/../b: {content: b}}", "files: {/a: b}",
        "files: {/a: {}}", "files: {/a/: {content: b}}", "files: {/a: {content: [b]}}",
        "files: {/a: {source: {Ssm: {}}}}", "files: {/a: {source: {Http: {Url: a}}}}",
        "files: {/a: {source: {Ssm: a}}}", "files: {/a: {source: {S3: {BucketName: b}}}}",
        "files: {/a: {source: {S3: {S3Uri: 's3://b'}}}}", "files: {/a: {source: {}}}",
        "files: {/a: {content: b, encoding: hex}}", "files: {/a: {content: b}, /a: {content: c}}",
        "files: {/a: {source: [a]}}",
    ])
    func whatIsWrongIsSaidWithItsPlace(text: String) {
        let found = faults(text)
        #expect(!found.isEmpty && found.allSatisfy { $0.hasPrefix("job:1:") }, "\(found)")
    }

    @Test func whatDoesNotHappenIsSaid() throws {
        let found = try job(
            """
            certificates: {x509: {/a: {keyFileName: a, certFileName: b}}}
            files: {/a: {content: b, commands: {post: [rm -rf /]}}}
            """)
        #expect(found.warnings.count == 2)
    }

    @Test(arguments: [
        "IamOverride: {AccessKeyId: a}\nfiles: {/a: {content: b}}",
        "IamOverride: {RoleArm: a}\nfiles: {/a: {content: b}}", "files: {/a: {content: b, encodng: base64}}",
        "files: {/a: {source: {Ssm: {ParameterName: a, Region: b}}}}", "files: {/a: {content: b, mode: rw}}",
        "files: {/a: {source: {Ssm: {ParameterName: a, IamOverride: {SessionToken: b}}}}}",
    ])
    func whatHasNoMeaningIsSaid(text: String) throws {
        let warnings = try job(text).warnings
        #expect(warnings.count == 1 && warnings[0].line > 0, "\(warnings)")
    }

    /// As the composer reads it: expressions first, YAML then. A value stays one value.
    @Test func expressionsAreReplacedBeforeTheJobIsRead() throws {
        let text = """
            files:
              "/{{ env_var('FOLDER') }}/a.yml":
                source: {S3: {BucketName: {{ env_var('BUCKET') }}, Key: {{ 'k' | env_override('KEY') }}}}
              /b: {content: "{{ env_var('MANY') }} {{ from_ssm('a') }}"}
            """
        let environment = ["FOLDER": "etc", "BUCKET": "shop", "MANY": "a: b\n\"c"]
        let document = try ConfigurationDocument.of(Array(text.utf8), name: "job", environment: environment)
        guard case .composerJob(let job) = document else {
            Issue.record("no job")
            return
        }
        #expect(job.files.map(\.path) == ["/etc/a.yml", "/b"])
        #expect(job.files[0].source?.kind == .object(bucket: "shop", key: "k"))
        #expect(job.files[1].content == "a: b\n\"c {{ from_ssm('a') }}")
        #expect(throws: ConfigurationErrors.self) {
            try ConfigurationDocument.of(Array(text.utf8), name: "job", environment: [:])
        }
        // A configuration is no job, whatever braces are in it.
        let other = "scrape_configs: [] # {{ env_var('NONE') }}"
        #expect(
            try ConfigurationDocument.of(Array(other.utf8), name: "a", environment: [:]) == .configuration)
    }

    @Test func contentInABlockHasItsPlace() throws {
        let found = try job(
            "files:\n  /a:\n    content: |\n      b\n\n        c\n  /d: {content: 'e'}\n"
                + "  /f:\n    content: >\n      g\n      h"
        )
        #expect(found.files[0].contentPlace == .init(linesBefore: 3, columnsBefore: 6))
        #expect(found.files[1].contentPlace == nil && found.files[2].contentPlace == nil)
    }

    @Test func noPasswordIsShown() throws {
        let found = try job("files: {/a: {source: {Url: {Url: a, Username: u, Password: hush}}}}")
        #expect(!"\(found)".contains("hush"))
    }
}
