import HTTPServer
import Telemetry
import Testing

@testable import StatusServer

@Suite struct TargetMetadataTests {
    private func answer(_ query: String) -> (status: Int, text: String) {
        let response = StatusRouter(pages: FakePages(), registry: MetricRegistry()).answer(
            ServerRequest(method: "GET", target: "/api/v1/targets/metadata?\(query)"))
        return (response.status, String(decoding: response.body, as: UTF8.self))
    }

    @Test func theShapeIsPrometheus() {
        #expect(
            answer("limit=1").text
                == #"{"status":"success","data":[{"target":{"job":"j"},"metric":"f0","type":"gauge","#
                + #""help":"a\nb","unit":""}]}"#)
        // Whoever names the family knows it.
        #expect(!answer("limit=1&metric=f0").text.contains("\"metric\""))
        #expect(answer("limit=0").text == #"{"status":"success","data":[]}"#)
    }

    @Test func answersAreBounded() {
        let text = answer("").text
        #expect(text.contains("\"f9999\"") && !text.contains("\"f10000\""))
        #expect(text.contains(#"],"warnings":["there are more"#))
    }

    @Test func faultsAreTold() {
        let found = answer("match_target=%7B")
        #expect(found.status == 400)
        #expect(found.text == #"{"status":"error","errorType":"bad_data","error":"no \"end\""}"#)
        #expect(answer("limit=x").status == 400)
    }

    @Test func valuesAreDecoded() throws {
        let query = try TargetMetadataQuery("match_target=%7Ba%3D%22b+c%22%7d&metric=x%2&limit=-1&other=1")
        #expect(query.matchTarget == "{a=\"b c\"}" && query.metric == "x%2" && query.limit == 10_000)
    }
}
