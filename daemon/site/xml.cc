// SPDX-License-Identifier: Apache-2.0
#include "daemon/site/xml.h"

#include <expat.h>
#include <fmt/format.h>
#include <iconv.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <unordered_set>

namespace vidra {

// What expat tells becomes elements. The first problem ends it.
class XmlReader {
 public:
  XmlReader(const std::string& path, std::span<const std::string_view> skipped, Problems& problems, const XmlLimits& limits)
      : skipped_(skipped), problems_(problems), limits_(limits) {
    document_.path_ = path;
    document_.elements_.resize(1);
    parser_ = XML_ParserCreate(nullptr);
    XML_SetUserData(parser_, this);
    XML_SetElementHandler(parser_, [](void* u, const char* n, const char** a) { self(u).start(n, a); }, [](void* u, const char*) { self(u).end(); });
    XML_SetCharacterDataHandler(parser_, [](void* u, const char* s, int n) { self(u).characters({s, size_t(n)}); });
    XML_SetStartDoctypeDeclHandler(parser_, [](void* u, const char*, const char*, const char*, int) {
      self(u).fail("a DOCTYPE, which can hide entities that swell or fetch other files; engineering files have none: delete it up to its \">\"");
    });
    XML_SetUnknownEncodingHandler(parser_, [](void* u, const char* name, XML_Encoding* to) { return self(u).encoding(name, *to); }, this);
  }
  ~XmlReader() { XML_ParserFree(parser_); }
  XmlReader(const XmlReader&) = delete;
  XmlReader& operator=(const XmlReader&) = delete;

  bool take(std::string_view octets, bool last) {
    if (failed_) return false;
    if (read_ < 4 && !octets.empty()) head_.append(octets.substr(0, 4 - size_t(read_)));
    read_ += octets.size();
    if (read_ > limits_.octets) return fail(fmt::format("more than {} MiB; is this one file of one site?", limits_.octets >> 20)), false;
    while (!octets.empty() || last) {
      const size_t n = std::min<size_t>(octets.size(), 1 << 24);
      const bool end = last && n == octets.size();
      if (XML_Parse(parser_, octets.data(), int(n), end) == XML_STATUS_ERROR) return broken(octets), false;
      octets.remove_prefix(n);
      consumed_ += n;
      if (end) break;
    }
    return !failed_;
  }

  std::optional<XmlDocument> finish() {
    if (failed_) return std::nullopt;
    if (document_.elements_.size() < 2) return fail("no element at all"), std::nullopt;
    return std::move(document_);
  }

  void fail(const std::string& what) {
    if (failed_) return;
    failed_ = true;
    problems_.push_back(fmt::format("{}:{}:{}: {}{}", document_.path_, XML_GetCurrentLineNumber(parser_), XML_GetCurrentColumnNumber(parser_) + 1, where(), what));
    XML_StopParser(parser_, XML_FALSE);
  }

 private:
  struct Open { uint32_t element; std::string text; };
  static XmlReader& self(void* u) { return *static_cast<XmlReader*>(u); }

  std::string where() const { return stack_.empty() ? "" : fmt::format("<{}>: ", document_.elements_[stack_.back().element].name); }

  void broken(std::string_view chunk) {
    if (failed_) return;
    const XML_Error code = XML_GetErrorCode(parser_);
    const XML_Index at = XML_GetErrorByteIndex(parser_) >= 0 ? XML_GetErrorByteIndex(parser_) - XML_Index(consumed_) : -1;
    const uint8_t octet = at >= 0 && size_t(at) < chunk.size() ? uint8_t(chunk[size_t(at)]) : 0;
    switch (code) {
      case XML_ERROR_INVALID_TOKEN:
        if (octet >= 0x80)
          return fail(fmt::format("octet 0x{:02X} is no {}; save the file as UTF-8, or say what it is in its first line: <?xml version=\"1.0\" encoding=\"windows-1250\"?>", octet,
                                  encoding_.empty() ? "UTF-8" : encoding_));
        if (head_.starts_with("PK")) return fail("a zip archive, no XML; unpack it and import the .scd or .cid in it");
        return fail(octet >= 0x20 ? fmt::format("\"{}\" cannot stand here: this is no well-formed XML; export the file again from its engineering tool", char(octet))
                                  : fmt::format("octet 0x{:02X} cannot stand here: this is no XML text; export the file again from its engineering tool", octet));
      case XML_ERROR_UNDEFINED_ENTITY: return fail("an entity that nobody declared; XML's own are &amp; &lt; &gt; &apos; &quot;");
      case XML_ERROR_UNKNOWN_ENCODING: return fail(fmt::format("the encoding \"{}\" is not known; save the file as UTF-8", encoding_));
      case XML_ERROR_INCORRECT_ENCODING: return fail("the encoding that the first line names is not the one the file has; save it as UTF-8");
      case XML_ERROR_NO_ELEMENTS: return fail(read_ == 0 ? "the file is empty" : "it ends before its first element ends; the file is cut: copy it again");
      case XML_ERROR_UNCLOSED_TOKEN: case XML_ERROR_PARTIAL_CHAR: case XML_ERROR_UNCLOSED_CDATA_SECTION: return fail("the file ends in the middle; it is cut: copy it again");
      default: return fail(fmt::format("{}; export the file again from its engineering tool", XML_ErrorString(code)));
    }
  }

  // Encodings of one octet a character, which expat does not know: Windows-1250, -1251, ISO 8859-2 …
  int encoding(const char* name, XML_Encoding& to) {
    encoding_ = name;
    const iconv_t convert = iconv_open("UTF-32LE", name);
    if (convert == iconv_t(-1)) return XML_STATUS_ERROR;
    for (int i = 0; i < 256; i++) {
      char one = char(i);
      char out[8] = {};
      char *from = &one, *into = out;
      size_t left = 1, room = sizeof out;
      to.map[i] = iconv(convert, &from, &left, &into, &room) == size_t(-1) || into - out != 4 ? -1 : int(uint8_t(out[0])) | uint8_t(out[1]) << 8 | uint8_t(out[2]) << 16;
      iconv(convert, nullptr, nullptr, nullptr, nullptr);
    }
    iconv_close(convert);
    if (to.map[size_t{'A'}] != 'A' || to.map[size_t{'<'}] != '<') return XML_STATUS_ERROR;      // several octets a character
    to.data = nullptr, to.convert = nullptr, to.release = nullptr;
    return XML_STATUS_OK;
  }

  std::string_view keep(std::string_view s) {
    if (s.empty()) return {};
    if (s.size() > room_) {
      const size_t page = std::max<size_t>(s.size(), 1 << 18);
      document_.pages_.emplace_back(new char[page]);
      at_ = document_.pages_.back().get();
      room_ = page;
      kept_ += page;
      if (kept_ > limits_.kept) fail(fmt::format("more than {} MiB of text; is this one file of one site?", limits_.kept >> 20));
    }
    std::memcpy(at_, s.data(), s.size());
    const std::string_view there(at_, s.size());
    at_ += s.size();
    room_ -= s.size();
    return there;
  }
  std::string_view named(std::string_view s) {
    if (const auto it = names_.find(s); it != names_.end()) return *it;
    return *names_.insert(keep(s)).first;
  }

  void start(std::string_view name, const char** attributes) {
    if (failed_) return;
    if (++depth_ > limits_.depth) return fail(fmt::format("more than {} elements inside each other", limits_.depth));
    if (skip_depth_) return;
    if (document_.elements_.size() > limits_.elements) return fail(fmt::format("more than {} elements; is this one file of one site?", limits_.elements));
    const size_t colon = name.find(':');
    const std::string_view prefix = colon == std::string_view::npos ? std::string_view() : name.substr(0, colon);
    if (stack_.empty()) prefix_ = named(prefix);
    std::string_view space;
    size_t count = 0;
    for (const char** a = attributes; *a; a += 2)
      if (std::string_view(a[0]) == "xmlns") space = a[1];
      else if (!std::string_view(a[0]).starts_with("xmlns:")) count++;
    if (stack_.empty()) space_ = named(space);
    // What another name space says is not ours; the same one declared again is.
    if (prefix != prefix_ || (!space.empty() && prefix.empty() && space != space_)) { skip_depth_ = depth_; return; }
    if (!prefix.empty()) name.remove_prefix(prefix.size() + 1);
    if (std::find(skipped_.begin(), skipped_.end(), name) != skipped_.end() && !stack_.empty()) { skip_depth_ = depth_; return; }

    const uint32_t at = uint32_t(document_.elements_.size());
    XmlElement e;
    e.name = named(name);
    e.line = uint32_t(XML_GetCurrentLineNumber(parser_));
    if (count) {
      if (count > list_room_) {
        list_room_ = std::max<size_t>(count, 4096);
        document_.lists_.emplace_back(new XmlAttribute[list_room_]);
        list_at_ = document_.lists_.back().get();
        kept_ += list_room_ * sizeof(XmlAttribute);
      }
      XmlAttribute* to = list_at_;
      for (const char** a = attributes; *a; a += 2) {
        const std::string_view key = a[0];
        if (key == "xmlns" || key.starts_with("xmlns:")) continue;
        *to++ = {named(key), keep(a[1])};
      }
      e.attributes = {list_at_, count};
      list_at_ += count;
      list_room_ -= count;
    }
    if (!stack_.empty()) {
      e.parent = stack_.back().element;
      XmlElement& up = document_.elements_[e.parent];
      if (up.last_child) document_.elements_[up.last_child].next = at;
      else up.first_child = at;
      up.last_child = at;
    }
    document_.elements_.push_back(e);
    if (stack_.size() == stack_.capacity()) stack_.reserve(2 * stack_.size() + 16);
    stack_.push_back({at, {}});
  }

  void end() {
    if (failed_) return;
    const uint32_t here = depth_--;
    if (skip_depth_) {
      if (skip_depth_ == here) skip_depth_ = 0;
      return;
    }
    std::string_view text = stack_.back().text;
    constexpr std::string_view blank = " \t\r\n";
    const size_t from = text.find_first_not_of(blank);
    if (from != std::string_view::npos) {
      text = text.substr(from, text.find_last_not_of(blank) - from + 1);
      document_.elements_[stack_.back().element].text = keep(text);
    }
    stack_.pop_back();
  }

  void characters(std::string_view s) {
    if (failed_ || skip_depth_ || stack_.empty()) return;
    std::string& text = stack_.back().text;
    if (text.empty() && s.find_first_not_of(" \t\r\n") == std::string_view::npos) return;
    if (text.size() + s.size() > (1 << 20)) return fail("more than 1 MiB of text in one element");
    text += s;
  }

  XML_Parser parser_;
  std::span<const std::string_view> skipped_;
  Problems& problems_;
  XmlLimits limits_;
  XmlDocument document_;
  std::vector<Open> stack_;
  std::unordered_set<std::string_view> names_;
  std::string_view prefix_, space_;
  std::string encoding_, head_;
  char* at_ = nullptr;
  size_t room_ = 0;
  XmlAttribute* list_at_ = nullptr;
  size_t list_room_ = 0;
  uint64_t read_ = 0, consumed_ = 0, kept_ = 0;
  uint32_t depth_ = 0, skip_depth_ = 0;
  bool failed_ = false;
};

std::optional<XmlDocument> XmlDocument::open(const std::string& path, std::span<const std::string_view> skipped, Problems& problems, const XmlLimits& limits) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) return problems.push_back(fmt::format("{}: {}", path, std::strerror(errno))), std::nullopt;
  XmlReader reader(path, skipped, problems, limits);
  std::vector<char> piece(1 << 16);
  for (;;) {
    const size_t n = std::fread(piece.data(), 1, piece.size(), file.get());
    if (n == 0 && std::ferror(file.get())) return problems.push_back(fmt::format("{}: {}", path, std::strerror(errno))), std::nullopt;
    if (!reader.take({piece.data(), n}, n == 0)) return std::nullopt;
    if (n == 0) return reader.finish();
  }
}

std::optional<XmlDocument> XmlDocument::parse(std::string_view text, const std::string& path, std::span<const std::string_view> skipped, Problems& problems, const XmlLimits& limits) {
  XmlReader reader(path, skipped, problems, limits);
  if (!reader.take(text, true)) return std::nullopt;
  return reader.finish();
}

std::string XmlDocument::place(const XmlElement& e) const { return fmt::format("{}:{}: <{}>", path_, e.line, e.name); }

}  // namespace vidra
