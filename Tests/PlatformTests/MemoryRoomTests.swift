import Testing

@testable import Platform

@Suite struct MemoryRoomTests {
    @Test func thereIsRoomForAllWithoutACeiling() {
        let room = MemoryRoom()
        #expect(room.take(.max))
        #expect(room.leftBytes == .max)
    }

    @Test func whatIsTakenIsGoneUntilTheNextLook() {
        let room = MemoryRoom()
        room.set(leftBytes: 100)
        #expect(room.take(60))
        #expect(!room.take(41))
        #expect(room.leftBytes == 40)
        #expect(room.take(40))
        #expect(!room.take(1))
        #expect(room.take(0))
        room.set(leftBytes: -5)
        #expect(room.leftBytes == 0)
        room.set(leftBytes: .max)
        #expect(room.take(1 << 40))
    }

    @Test func whatIsGivenBackMayBeTakenAgain() {
        let room = MemoryRoom()
        room.give(60)
        #expect(room.leftBytes == .max)
        room.set(leftBytes: 100)
        #expect(room.take(60))
        room.give(60)
        #expect(room.leftBytes == 100)
        // That would say that there is no ceiling.
        room.set(leftBytes: .max - 10)
        room.give(60)
        #expect(room.leftBytes == .max - 1)
    }

    @Test func whatIsTakenFromTheReserveGoesBackWithItsPart() {
        let reserve = MemoryRoom(reserveBytes: 100).reserve
        var part: MemoryReserve.Part? = reserve.take(60)
        #expect(part?.bytes == 60 && reserve.leftBytes == 40 && reserve.has(40) && !reserve.has(41))
        let other = reserve.take(50)
        #expect(reserve.leftBytes == -10 && !reserve.has(0))
        part = nil
        #expect(reserve.leftBytes == 50)
        withExtendedLifetime(other) {}
    }
}
