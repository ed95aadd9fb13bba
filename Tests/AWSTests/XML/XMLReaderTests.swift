import Testing

@testable import AWS

struct XMLReaderTests {
    func parse(
        _ text: String, _ limits: XMLReader.Limits = XMLReader.Limits()
    ) -> Result<XMLElement, XMLFault> {
        do throws(XMLFault) {
            return .success(try XMLReader.parse(Array(text.utf8), limits: limits))
        } catch {
            return .failure(error)
        }
    }

    @Test func anAnswerBecomesATree() throws {
        let root = try parse(
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
              <requestId>r-1</requestId>
              <reservationSet><item><instancesSet>
                <item><instanceId>i-1</instanceId><privateIpAddress>127.0.0.2</privateIpAddress></item>
                <item a="b"><instanceId>i-&#x32;&amp;<![CDATA[<x>]]></instanceId><tagSet/></item>
              </instancesSet></item></reservationSet>
            </DescribeInstancesResponse>
            """
        ).get()
        #expect(root.name == "DescribeInstancesResponse")
        #expect(root.text("requestId") == "r-1")
        let instances = root.list("reservationSet").flatMap { $0.list("instancesSet") }
        #expect(instances.map { $0.text("instanceId") } == ["i-1", "i-2&<x>"])
        #expect(instances[0].text("privateIpAddress") == "127.0.0.2")
        #expect(instances[1].text("privateIpAddress") == nil)
        #expect(instances[1].list("tagSet").isEmpty)
        // White space between children is not text.
        #expect(root.text == "")
        #expect(root.list("nothing").isEmpty)
        #expect(root.text("requestId", "deeper") == nil)
    }

    @Test func membersAreAListToo() throws {
        let root = try parse("<r><l><member>a</member><member> b </member><other/></l></r>").get()
        #expect(root.list("l").map(\.text) == ["a", " b "])
    }

    @Test(arguments: [
        "", " ", "<", "<a>", "<a></b>", "<a/><b/>", "{}", "<a>\u{1}</a>", "<html><br></html>",
        "<a>&nbsp;</a>",
    ])
    func whatIsNoXMLIsRefusedWithItsLine(text: String) {
        guard case .failure(let fault) = parse(text) else {
            Issue.record("taken as XML")
            return
        }
        #expect(fault.line >= 1)
        #expect(!fault.message.isEmpty)
    }

    @Test func bytesThatAreNoTextAreRefused() {
        for bytes: [UInt8] in [
            [0xFF, 0xFE], [0x3C, 0x61, 0x3E, 0xC3, 0x28], [0], Array(repeating: 0x3C, count: 99),
        ] {
            #expect(throws: XMLFault.self) { try XMLReader.parse(bytes) }
        }
    }

    /// A billion laughs, and the way to a file: neither begins.
    @Test(arguments: [
        "<!DOCTYPE a [<!ENTITY x \"ha\"><!ENTITY y \"&x;&x;&x;&x;\">]><a>&y;&y;</a>",
        "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
        "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>",
    ])
    func aDocumentTypeIsRefused(text: String) {
        guard case .failure(let fault) = parse(text) else {
            Issue.record("taken")
            return
        }
        #expect(fault.message.contains("document type"))
    }

    @Test func depthElementsAndBytesAreBounded() {
        let deep = String(repeating: "<a>", count: 65) + String(repeating: "</a>", count: 65)
        #expect(parse(deep) == .failure(XMLFault(line: 1, message: "nested deeper than 64 elements")))
        let wide = "<a>" + String(repeating: "<b/>", count: 10) + "</a>"
        let few = XMLReader.Limits(elements: 10)
        #expect(parse(wide, few) == .failure(XMLFault(line: 1, message: "more than 10 elements")))
        #expect((try? parse(wide, XMLReader.Limits(elements: 11)).get())?.children.count == 10)
        let short = XMLReader.Limits(bytes: 10)
        #expect(
            parse(wide, short)
                == .failure(XMLFault(line: 1, message: "the text has 47 bytes; at most 10 are read")))
    }

    /// Every prefix of an answer, and every byte of it broken: no crash, and never a tree from a prefix.
    @Test func cutAndBrokenAnswersAreRefusedOrTaken() throws {
        let whole = Array("<r><Credentials><A>id</A><B>&lt;é</B></Credentials></r>".utf8)
        for length in 0..<whole.count {
            #expect(throws: XMLFault.self) { try XMLReader.parse(Array(whole[..<length])) }
        }
        for index in whole.indices {
            for byte: UInt8 in [0, 0x3C, 0x26, 0xFF] {
                var broken = whole
                broken[index] = byte
                // Some of these are XML still; what matters is that none traps.
                _ = try? XMLReader.parse(broken)
            }
        }
    }
}
