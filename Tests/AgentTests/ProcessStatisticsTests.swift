import Testing

@testable import Agent

struct ProcessStatisticsTests {
    @Test func numbersOfNetstatAreFoundByName() {
        let netstat =
            "TcpExt: InOctets\nTcpExt: 7\n"
            + "IpExt: InMcastPkts InOctets OutOctets\nIpExt: 0 12 18446744073709551615\n"
        #expect(ProcessStatistics.extendedNumber("InOctets", in: netstat) == 12)
        #expect(ProcessStatistics.extendedNumber("OutOctets", in: netstat) == 0x1p64)
        #expect(ProcessStatistics.extendedNumber("InBcastOctets", in: netstat) == nil)
    }

    @Test(
        arguments: [
            "", "IpExt:", "IpExt: InOctets\n", "IpExt: InOctets\nIpExt:\n", "IpExt: InOctets\nIpExt: x\n",
            "IpExt: InOctets\nIpExt: -1\n", "IpExt: InOctets\nIpExt: 1\nIpExt: 2\n",
        ])
    func whatIsNoNetstatHasNoNumber(netstat: String) {
        #expect(ProcessStatistics.extendedNumber("InOctets", in: netstat) == nil)
    }
}
