// SPDX-License-Identifier: Apache-2.0
// A libmodbus client and a libmodbus server, each a process with a network of its own, joined by a cable that the sensor
// hears. What the sensor says was said must be what the client's and the server's programming interface say was done.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <modbus/modbus.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <random>

#include "daemon/capture/live.h"
#include "daemon/traffic/traffic.h"
#include "tests/peers/network.h"
#include "tests/support/wire.h"

namespace vidra {
namespace {

constexpr int port = 1502;                    // not Modbus's own: it must be recognised by structure
constexpr int unit = 17;
constexpr const char *client_address = "10.99.0.1", *server_address = "10.99.0.2";

// A process of its own, and the lines that it says.
class Process {
 public:
  template <class Run> explicit Process(Run run) {
    int ends[2];
    if (pipe(ends) != 0 || fcntl(ends[1], F_SETPIPE_SZ, 1 << 20) < 0) throw std::runtime_error("pipe");   // all that it says fits
    pid_ = fork();
    if (pid_ == 0) {
      close(ends[0]);
      FILE* out = fdopen(ends[1], "w");
      setvbuf(out, nullptr, _IOLBF, 0);
      run(out);
      std::fclose(out);
      _exit(0);
    }
    close(ends[1]);
    in_ = fdopen(ends[0], "r");
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (pid_ > 0) kill(pid_, SIGKILL), waitpid(pid_, nullptr, 0);
    std::fclose(in_);
  }
  pid_t pid() const { return pid_; }
  bool ended() { return pid_ <= 0 || (waitpid(pid_, nullptr, WNOHANG) == pid_ && (pid_ = 0, true)); }
  std::string line() {
    char text[4096];
    if (!std::fgets(text, sizeof text, in_)) return {};
    std::string s = text;
    while (!s.empty() && s.back() == '\n') s.pop_back();
    return s;
  }

 private:
  pid_t pid_ = 0;
  FILE* in_ = nullptr;
};

// --- what the peers do, and say that they did ---

std::string point(const char* kind, int number, const std::string& value) { return std::string(" ") + kind + " " + std::to_string(number) + (value.empty() ? "" : "=" + value); }
template <class Value> std::string run_of(const char* kind, int first, int count, const Value* values) {
  std::string out;
  for (int i = 0; i < count; i++) out += point(kind, first + i, std::to_string(values[i]));
  return out;
}
std::string asked(const char* kind, int first, int count) { return std::string(" ") + kind + " " + std::to_string(first) + (count == 1 ? "" : " x" + std::to_string(count)); }

void serve(FILE* say) {
  if (unshare(CLONE_NEWNET) != 0) return;
  std::fprintf(say, "ready\n");
  for (int i = 0; i < 500 && !shell("ip link show far"); i++) usleep(10'000);       // until the cable's end is handed over
  if (!shell("ip link set lo up") || !shell(std::string("ip addr add ") + server_address + "/24 dev far") || !shell("ip link set far up")) return;
  modbus_t* ctx = modbus_new_tcp(server_address, port);
  modbus_mapping_t* map = modbus_mapping_new(500, 500, 500, 500);
  for (int i = 0; i < 500; i++) map->tab_input_registers[i] = uint16_t(i * 37), map->tab_input_bits[i] = uint8_t(i % 3 == 0);
  int listening = modbus_tcp_listen(ctx, 1);
  if (listening < 0) return;
  std::fprintf(say, "listening\n");
  if (modbus_tcp_accept(ctx, &listening) < 0) return;
  uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
  for (;;) {
    const int n = modbus_receive(ctx, query);
    if (n < 0) break;
    if (n == 0) continue;
    std::fprintf(say, "%d of %d\n", query[7], query[6]);                             // function of unit, as it came
    modbus_reply(ctx, query, n, map);
  }
}

// Each line: what is asked, " | ", what is answered.
void ask(FILE* say) {
  modbus_t* ctx = modbus_new_tcp(server_address, port);
  modbus_set_slave(ctx, unit);
  modbus_set_response_timeout(ctx, 10, 0);
  if (modbus_connect(ctx) != 0) return;
  const char *holding = "holding register", *input = "input register", *coil = "coil", *discrete = "discrete input";
  std::mt19937 random(7);
  const auto line = [&](int function, const std::string& q, const std::string& a) { std::fprintf(say, "%d%s | %d%s\n", function, q.c_str(), function, a.c_str()); };
  const auto failed = [&](const char* what) { std::fprintf(say, "failed: %s: %s\n", what, modbus_strerror(errno)); };
  for (int round = 0; round < 30; round++) {
    uint16_t words[200];
    uint8_t bits[200];
    for (auto& w : words) w = uint16_t(random());
    for (auto& b : bits) b = uint8_t(random() & 1);
    const int first = int(random() % 300), count = 1 + int(random() % 60);

    if (modbus_write_registers(ctx, first, count, words) == count) line(16, run_of(holding, first, count, words), asked(holding, first, count));
    else failed("write_registers");
    uint16_t back[200];
    if (modbus_read_registers(ctx, first, count, back) == count) line(3, asked(holding, first, count), run_of(holding, first, count, back));
    else failed("read_registers");
    if (modbus_write_bits(ctx, first, count, bits) == count) line(15, run_of(coil, first, count, bits), asked(coil, first, count));
    else failed("write_bits");
    uint8_t bits_back[200];
    if (modbus_read_bits(ctx, first, count, bits_back) == count) line(1, asked(coil, first, count), run_of(coil, first, count, bits_back));
    else failed("read_bits");
    if (modbus_read_input_bits(ctx, first, count, bits_back) == count) line(2, asked(discrete, first, count), run_of(discrete, first, count, bits_back));
    else failed("read_input_bits");
    if (modbus_read_input_registers(ctx, first, count, back) == count) line(4, asked(input, first, count), run_of(input, first, count, back));
    else failed("read_input_registers");
    if (modbus_write_bit(ctx, first, round % 2) == 1) line(5, point(coil, first, std::to_string(round % 2)), point(coil, first, std::to_string(round % 2)));
    else failed("write_bit");
    if (modbus_write_register(ctx, first, words[0]) == 1) line(6, point(holding, first, std::to_string(words[0])), point(holding, first, std::to_string(words[0])));
    else failed("write_register");
    if (modbus_mask_write_register(ctx, first, words[1], words[2]) == 1) {
      const std::string masked = point(holding, first, std::to_string(uint16_t(words[2] & ~words[1])));
      line(22, masked, masked);
    } else failed("mask_write_register");
    if (modbus_write_and_read_registers(ctx, first, 5, words, first + 2, 7, back) == 7)
      line(23, asked(holding, first + 2, 7) + run_of(holding, first, 5, words), run_of(holding, first + 2, 7, back));
    else failed("write_and_read_registers");
    uint8_t id[64];
    const int n = modbus_report_slave_id(ctx, sizeof id, id);
    if (n > 2) line(17, "", " ? 0=" + std::to_string(n));
    else failed("report_slave_id");
    if (modbus_read_registers(ctx, 60'000, 2, back) < 0 && errno == EMBXILADD) line(3, asked(holding, 60'000, 2), asked(holding, 60'000, 2) + " refused 2");
    else failed("a read that must be refused");
  }
  modbus_close(ctx);
  modbus_free(ctx);
}

// --- what the sensor hears ---

struct Ear final : EventSink {
  std::vector<std::string> questions, answers;
  std::vector<std::string> asked_of;          // "3 of 17"
  std::vector<std::string> names_told;
  std::string wrong;
  void see(const Event& e) override {
    if (protocols[e.scene.protocol]->name != "modbus") return;
    if (text_of(e.scene.client.address) != client_address || text_of(e.scene.server) != std::string(server_address) + ":" + std::to_string(port)) wrong += "ends ";
    if (e.identity) {
      names_told.emplace_back(e.texts.find(e.identity->name));
      return;
    }
    const Message& m = *e.said;
    if (m.malformed || m.unpaired || m.after_gap || m.midstream || m.station != unit) wrong += "frame " + std::to_string(e.scene.frame) + " ";
    std::string text = std::to_string(m.function);
    for (const Point& p : e.points) {
      const std::string kind(p.object.kind() == ObjectKind::none ? "?" : name_of(p.object.kind()));
      if (p.kind != ValueKind::none) text += point(kind.c_str(), int(p.object.number()), std::to_string(p.raw));
      else text += asked(kind.c_str(), int(p.object.number()), int(p.count));
    }
    if (m.refused) text += " refused " + std::to_string(m.reason);
    if (m.role == Role::request) questions.push_back(text), asked_of.push_back(std::to_string(m.function) + " of " + std::to_string(m.station));
    else answers.push_back(text);
  }
};

TEST(ModbusPeers, are_heard_saying_what_they_did) {
  if (!no_network.empty()) GTEST_SKIP() << no_network;
  Cable cable("near", "far");
  Process server(serve);
  ASSERT_EQ(server.line(), "ready");
  ASSERT_TRUE(shell("ip link set far netns " + std::to_string(server.pid())));
  ASSERT_TRUE(shell(std::string("ip addr add ") + client_address + "/24 dev near"));
  ASSERT_EQ(server.line(), "listening");

  LiveSettings live;
  live.interfaces = {{"near", ""}};
  auto source = open_live(live);
  Ear ear;
  TrafficSettings settings;
  settings.classify = false;
  Traffic traffic(settings, ear);
  Process client(ask);
  std::vector<std::string> said;
  std::vector<Packet> packets(256);
  bool over = false;
  const auto begin = std::chrono::steady_clock::now();
  for (int idle = 0; idle < 20;) {            // until the client has ended and nothing more comes
    ASSERT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));
    const auto polled = source->poll(packets);
    traffic.take(std::span(packets).first(polled.packets));
    traffic.tick(polled.now);
    source->release();
    over = over || client.ended();
    idle = over && polled.packets == 0 ? idle + 1 : 0;
  }
  traffic.finish();
  for (std::string line = client.line(); !line.empty(); line = client.line()) said.push_back(line);

  EXPECT_EQ(ear.wrong, "");
  ASSERT_EQ(said.size(), 30u * 12u);
  ASSERT_EQ(ear.questions.size(), said.size());
  ASSERT_EQ(ear.answers.size(), said.size());
  for (size_t i = 0; i < said.size(); i++) EXPECT_EQ(ear.questions[i] + " | " + ear.answers[i], said[i]);
  for (const std::string& question : ear.asked_of) EXPECT_EQ(question, server.line()) << "as the server took it";
  ASSERT_EQ(ear.names_told.size(), 30u);
  EXPECT_EQ(ear.names_told[0].substr(0, 3), "LMB") << ear.names_told[0];
  EXPECT_EQ(source->counters(0).dropped_by_kernel, 0u);
}

}  // namespace
}  // namespace vidra
