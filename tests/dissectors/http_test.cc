// SPDX-License-Identifier: Apache-2.0
// RFC 9110 and RFC 9112 (HTTP/1.1).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

const Enrol enrolled("http", {
    {"a page of a controller", {
        {client, words("GET /Portal/Portal.mwsl?PriNav=Start HTTP/1.1\r\nHost: 10.10.1.60\r\nUser-Agent: Mozilla/5.0\r\nCookie: siemens_ad_session=abc\r\n\r\n")},
        {server, words("HTTP/1.1 200 OK\r\nServer: SIMATIC/1.0\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 0\r\n\r\n")}}},
    {"a login that is refused", {
        {client, words("GET /setup HTTP/1.1\r\nAuthorization: Basic YWRtaW46bW94YQ==\r\n\r\n")},
        {server, words("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"RTU560\"\r\nContent-Length: 0\r\n\r\n")}}},
    {"a deletion, a head, a tunnel asked for", {
        {client, words("DELETE /conf/a.xml HTTP/1.0\r\n\r\n")}, {server, words("HTTP/1.0 204 No Content\r\n\r\n")},
        {client, words("HEAD / HTTP/1.1\r\n\r\n")}, {server, words("HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")},
        {client, words("CONNECT 10.0.0.1:443 HTTP/1.1\r\n\r\n")}, {server, words("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")}}},
    {"an answer alone", {{server, words("HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n")}}},
    {"a head without a target", {{client, words("GET\r\n\r\n")}}, Carrier::tcp, true},
});

std::string text_named(const Sentence& s, const std::string& name) {
  for (const Point& p : s.points)
    if (s.text(p.object.key()) == name) return s.text(p.raw);
  return "(not said)";
}

TEST(Http, a_request_says_its_path_without_the_query) {
  Heard http("http");
  const Sentence s = http(client, words("GET http://admin:hunter2@10.0.0.1/a/b;jsessionid=77?password=hunter3 HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_EQ(s.text(s.points.at(0).object.key()), "/a/b");
  for (const auto& [key, text] : s.texts) EXPECT_EQ(text.find("hunter"), std::string::npos) << text;
}

TEST(Http, basic_credentials_are_reduced) {
  struct { const char *encoded, *user, *kind; } cases[] = {
      {"YWRtaW46bW94YQ==", "admin", "vendor default"}, {"YWRtaW46aHVudGVyMg==", "admin", "other"}, {"YWRtaW46", "admin", "none"}};
  for (const auto& c : cases) {
    Heard http("http");
    const Sentence s = http(client, words(std::string("GET / HTTP/1.1\r\nauthorization: basic ") + c.encoded + "\r\n\r\n"));
    EXPECT_EQ(text_named(s, "user"), c.user);
    EXPECT_EQ(text_named(s, "password"), c.kind);
    for (const auto& [key, text] : s.texts) EXPECT_EQ(text.find(c.encoded), std::string::npos);
  }
}

TEST(Http, a_bearer_token_is_only_present) {
  Heard http("http");
  const Sentence s = http(client, words("GET / HTTP/1.1\r\nAuthorization: Bearer eyJhbGciOi\r\n\r\n"));
  EXPECT_EQ(text_named(s, "authentication"), "Bearer");
  for (const auto& [key, text] : s.texts) EXPECT_EQ(text.find("eyJ"), std::string::npos);
}

TEST(Http, an_answer_belongs_to_its_request) {
  Heard http("http");
  http(client, words("DELETE /a HTTP/1.1\r\n\r\n"));
  const Sentence s = http(server, words("HTTP/1.1 404 Not Found\r\nServer: GoAhead-Webs\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_EQ(s.head.act, Act::file);
  EXPECT_TRUE(s.head.refused);
  EXPECT_FALSE(s.head.unpaired);
  EXPECT_EQ(protocol_named("http").reason(s.head.reason), "not found");
  ASSERT_EQ(http.identities.size(), 1u);
  EXPECT_EQ(http.identity_texts().at(http.identities[0].product), "GoAhead-Webs");
}

TEST(Http, firmware_that_is_sent_is_a_program) {
  Heard http("http");
  EXPECT_EQ(http(client, words("POST /cgi-bin/upgrade.cgi HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 900000\r\n\r\n")).head.act, Act::program);
  EXPECT_EQ(http(client, words("POST /upload HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 900\r\n\r\n")).head.act, Act::file);
  EXPECT_EQ(http(client, words("PUT /rtu.bin HTTP/1.1\r\nContent-Length: 900\r\n\r\n")).head.act, Act::program);
  EXPECT_EQ(http(client, words("POST /form HTTP/1.1\r\nContent-Length: 9\r\n\r\n")).head.act, Act::write);
}

TEST(Http, bodies_are_passed_over) {
  const std::string request = "GET / HTTP/1.1\r\n\r\n";
  struct { const char* what; std::string answer; } cases[] = {
      {"by length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nHTTP/1.1 9"},
      {"in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\nA;x=1\r\n0123456789\r\n0\r\nTrailer: a\r\n\r\n"},
      {"none", "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n"},
  };
  for (const auto& c : cases)
    for (size_t piece : {size_t{1}, size_t{7}, size_t{10'000}}) {
      Heard http("http");
      Feed feed(http.parser(), http.say);
      for (int i = 0; i < 3; i++) {
        feed.offer(client, hex(words(request)));
        for (size_t at = 0; at < c.answer.size(); at += piece) feed.offer(server, hex(words(c.answer.substr(at, piece))));
      }
      EXPECT_EQ(feed.records, 6u) << c.what;
      EXPECT_EQ(feed.losses, 0u) << c.what;
    }
}

TEST(Http, behind_an_upgrade_nothing_is_read) {
  Heard http("http");
  Feed feed(http.parser(), http.say);
  feed.offer(client, hex(words("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")));
  feed.offer(server, hex(words("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")));
  feed.offer(client, hex("81 85 37fa213d 7f9f4d5158"));
  feed.offer(server, hex("81 05 48656c6c6f"));
  EXPECT_EQ(feed.records, 2u);
  EXPECT_EQ(feed.losses, 0u);
}

TEST(Http, a_text_that_could_steer_a_terminal_is_made_harmless) {
  Heard http("http");
  const Sentence s = http(client, words("GET /\x1b[2J HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(s.text(s.points.at(0).object.key()), "/.[2J");
}

}  // namespace
}  // namespace vidra
