// SPDX-License-Identifier: Apache-2.0
// Rows that ask for the name or the value of an object, tried with octets: what the dissectors say is what the rows ask for.
#include "tests/judge/asked.h"
#include "tests/support/hex.h"

namespace vidra {
namespace {

// One conversation: octets in, what the judge finds out.
struct Wire final : private Listener {
  explicit Wire(std::string_view of, std::string_view site = "") : h(site), protocol(of), say(*this), parser(protocols[size_t(protocol_index(of))]->open(pool)) {}
  ~Wire() { pool.unmake(parser); }

  Wire& operator()(Side side, std::string_view octets) {
    from = side;
    const auto record = hex(octets);
    say.time = h.now;
    parser->parse(record, side, say);
    h.wait(20 * millisecond);
    return *this;
  }
  size_t times(std::string_view id) const { return h.times(id); }

  Hearing h;

 private:
  void heard(const Message& m, std::span<const Point> points, Texts texts) override { h.say(protocol, laptop, plc, m, {points.begin(), points.end()}, from, texts); }
  void heard(const Identity&, Texts) override {}

  std::string_view protocol;
  Side from = Side::client;
  Pool pool{16 << 20};
  Speaker say;
  Parser* parser;
};
constexpr Side client = Side::client, server = Side::server;

// The wrapper (IEC 62056-47): version, ports, length; then the APDU.
std::string wrapped(std::string_view apdu) {
  char head[32];
  std::snprintf(head, sizeof head, "0001 0010 0001 %04zx |", hex(apdu).size());
  return head + std::string(apdu);
}

TEST(Wire, Meters) {
  const std::string site = plant_of("dlms");
  struct Row { std::string_view id, apdu; };
  for (const Row& r : {Row{"DLM-08", "C3 01 C1 | 0046 0000600300FF 01 | 01 0F 00"}, Row{"DLM-03", "C3 01 C1 | 0012 00002C0000FF 01 | 00"}, Row{"DLM-04", "C3 01 C1 | 0040 00002B0000FF 02 | 00"},
                       Row{"DLM-04", "C1 01 C1 | 0040 00002B0000FF 02 | 00 | 16 00"}, Row{"DLM-06", "C1 01 C1 | 0008 0000010000FF 03 | 00 | 10 FFC4"}, Row{"DLM-06", "C3 01 C1 | 0014 00000D0000FF 01 | 01 0F 00"}}) {
    Wire w("dlms", site);
    w(client, wrapped(r.apdu));
    EXPECT_EQ(w.times(r.id), 1u) << r.id << ' ' << r.apdu << '\n' << w.h.told();
  }
  Wire ordinary("dlms", site);
  ordinary(client, wrapped("C0 01 C1 | 0046 0000600300FF 02 | 00"))(client, wrapped("C0 01 C1 | 0008 0000010000FF 02 | 00"));
  for (std::string_view id : {"DLM-03", "DLM-04", "DLM-06", "DLM-08"}) EXPECT_EQ(ordinary.times(id), 0u) << ordinary.h.told();
}

TEST(Wire, AMetersPassword) {                                    // "DLM-01"
  for (std::string_view password : {"3030303030303030", "3734313833363235"}) {
    Wire w("dlms");
    w(client, wrapped("60 36 | A1 09 06 07 60857405080101 | 8A 02 0780 | 8B 07 60857405080201 | AC 0A 80 08 " + std::string(password) + "| BE 10 04 0E 01 00 00 00 06 5F1F 04 00001E1D FFFF"));
    EXPECT_EQ(w.times("DLM-01"), password.starts_with("30") ? 1u : 0u) << w.h.told();
  }
}

TEST(Wire, ABacnetProgram) {                                     // "BAC-05"
  for (std::string_view property : {"5A", "5C"}) {               // program-change, program-state
    Wire w("bacnet");
    w(client, "81 0A 0015 | 01 04 | 00 05 01 0F | 0C 04000001 | 19 " + std::string(property) + " | 3E 91 01 3F");
    EXPECT_EQ(w.times("BAC-05"), property == "5A" ? 1u : 0u) << w.h.told();
  }
}

TEST(Wire, AControllerThatStopsItsCyclicData) {                  // "PN-05"
  const std::string data = "c001 | 80808080808080800000000000000000000000000000000000000000000000000000000000000000 |";
  Wire w("profinet");
  w(server, data + "0400 35 00")(server, data + "0420 35 00");
  EXPECT_EQ(w.times("PN-05"), 0u) << w.h.told();
  w(server, data + "0440 25 00");
  EXPECT_EQ(w.times("PN-05"), 1u) << w.h.told();
}

TEST(Wire, ASafetyController) {                                  // "TRI-02", "TRI-03", "TRI-04"
  Wire w("tristation");
  w(client, "05 00 0A00 | 00 00 1D 08 0000 0000 0A00 52E8");
  EXPECT_EQ(w.times("TRI-03"), 0u) << w.h.told();
  w(client, "05 00 0E00 | 00 00 1D 09 0000 0000 0E00 | 41414141 237F");
  EXPECT_EQ(w.times("TRI-03"), 1u) << w.h.told();
  w(client, "05 00 0A00 | 00 00 13 05 0000 2200 0A00 05DC");
  w(server, "05 00 5600 | 01 00 6C 05 0000 0000 5600 | 0100 00 00 0D 00 01 01 00 | 0000508000 00008000 00004000 00006000 0050FE00 FFAFFF00 002000200020000000000000 141B0000C800C800BA00 | 0400 0300 4FB6E15A 5C98 454D50545900AD050200 AC01");
  EXPECT_EQ(w.times("TRI-04"), 1u) << w.h.told();
  w(client, "05 00 0A00 | 00 00 15 07 0000 0000 0A00 AC4E");
  EXPECT_EQ(w.times("TRI-02"), 1u) << w.h.told();
}

}  // namespace
}  // namespace vidra
