import Platform
import Testing

@testable import RemoteWrite

@Suite struct BackoffTests {
    @Test func waitsDoubleToTheirBoundAndStayThere() {
        var random = SplitMix64(seed: 3)
        var backoff = Backoff(firstMs: 100, mostMs: 1_000)
        for step in [100, 200, 400, 800, 1_000, 1_000] as [Int64] {
            let wait = backoff.nextMs(&random)
            #expect(wait >= step - step / 10 && wait <= step)
        }
        for _ in 0..<200 { #expect(backoff.nextMs(&random) <= 1_000) }
        backoff.reset()
        #expect(backoff.nextMs(&random) <= 100)
    }

    @Test func hugeBoundsDoNotOverflow() {
        var random = SplitMix64(seed: 3)
        var backoff = Backoff(firstMs: .max / 2, mostMs: .max)
        for _ in 0..<100 { #expect(backoff.nextMs(&random) > 0) }
    }
}
