// SPDX-License-Identifier: Apache-2.0
#include "daemon/capture/octets.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace vidra {
namespace {

class Mapped final : public FileOctets {
 public:
  Mapped(const uint8_t* data, size_t size) : all_{data, size} {}
  ~Mapped() override { munmap(const_cast<uint8_t*>(all_.data()), all_.size()); }
  Bytes ahead(size_t) override { return all_.subspan(at_); }
  Bytes lasting() const override { return all_.subspan(at_); }
  void skip(size_t n) override { at_ += n; }
  // Pages are mapped some MiB at a time rather than by a fault each few. A kernel that cannot (before Linux 5.14) faults.
  void settle() override {
    if (at_ < near_ || near_ >= all_.size()) return;
    constexpr size_t step = size_t{4} << 20;
    near_ = at_ / step * step;
    const size_t n = std::min(step, all_.size() - near_);
#ifdef MADV_POPULATE_READ
    madvise(const_cast<uint8_t*>(all_.data()) + near_, n, MADV_POPULATE_READ);
#endif
    near_ += n;
  }
  bool fits(size_t) const override { return true; }
  uint64_t offset() const override { return at_; }
  double progress() const override { return all_.empty() ? 1 : double(at_) / double(all_.size()); }
  std::string flaw() const override { return {}; }

 private:
  Bytes all_;
  size_t at_ = 0, near_ = 0;   // near_: so far the pages have been mapped ahead
};

// Fills a window from a file descriptor, through a decompressor or none.
class Windowed final : public FileOctets {
 public:
  enum class Kind { plain, gzip, zstd };
  Windowed(int fd, Kind kind, std::vector<uint8_t> head, uint64_t file_size) : fd_(fd), kind_(kind), raw_(size_t{256} << 10), file_size_(file_size) {
    std::copy(head.begin(), head.end(), raw_.begin());
    raw_end_ = head.size();
    read_ = head.size();
    window_.resize(2 * window_octets);
    if (kind_ == Kind::gzip) inflateInit2(&gz_, 15 + 16);
    if (kind_ == Kind::zstd) zstd_ = ZSTD_createDStream();
  }
  ~Windowed() override {
    if (kind_ == Kind::gzip) inflateEnd(&gz_);
    if (zstd_) ZSTD_freeDStream(zstd_);
    if (fd_ > 0) close(fd_);
  }

  Bytes ahead(size_t n) override {
    while (end_ - at_ < n && !ended_ && fits(n)) fill();
    return {window_.data() + at_, end_ - at_};
  }
  void skip(size_t n) override { at_ += n, offset_ += n; }
  void settle() override {
    if (at_ < window_octets) return;
    std::memmove(window_.data(), window_.data() + at_, end_ - at_);
    end_ -= at_;
    at_ = 0;
  }
  bool fits(size_t n) const override { return at_ + n <= window_.size(); }
  uint64_t offset() const override { return offset_; }
  double progress() const override { return file_size_ ? std::min(1.0, double(read_) / double(file_size_)) : -1; }
  std::string flaw() const override { return flaw_; }
  bool idle(int wait) override { return !file_size_ && at_ == end_ && raw_at_ == raw_end_ && !raw_ended_ && !ended_ && !readable(wait); }
  void stop() override { stop_ = true; }

 private:
  bool readable(int wait) {
    pollfd p{fd_, POLLIN, 0};
    return ::poll(&p, 1, wait) != 0;
  }
  void fill() {
    if (raw_at_ == raw_end_ && !raw_ended_) {
      ssize_t n;
      // A writer that stops in the middle of a packet must not keep the sensor from ending.
      if (!file_size_)
        while (!stop_ && !readable(100)) {}
      if (stop_) return void(raw_ended_ = ended_ = true);
      do n = ::read(fd_, raw_.data(), raw_.size()); while (n < 0 && errno == EINTR);
      if (n < 0) flaw_ = std::strerror(errno);
      if (n <= 0) raw_ended_ = true;
      raw_at_ = 0;
      raw_end_ = n > 0 ? size_t(n) : 0;
      read_ += raw_end_;
    }
    const size_t room = window_.size() - end_, before = end_;
    switch (kind_) {
      case Kind::plain: {
        const size_t n = std::min(room, raw_end_ - raw_at_);
        std::memcpy(window_.data() + end_, raw_.data() + raw_at_, n);
        raw_at_ += n, end_ += n;
        break;
      }
      case Kind::gzip: {
        gz_.next_in = raw_.data() + raw_at_;
        gz_.avail_in = unsigned(raw_end_ - raw_at_);
        gz_.next_out = window_.data() + end_;
        gz_.avail_out = unsigned(room);
        const int rc = inflate(&gz_, Z_NO_FLUSH);
        raw_at_ = raw_end_ - gz_.avail_in;
        end_ = window_.size() - gz_.avail_out;
        if (rc != Z_BUF_ERROR) inside_ = rc == Z_OK;
        if (rc == Z_STREAM_END) inflateReset(&gz_);     // members may follow one another (RFC 1952, 2.2)
        else if (rc != Z_OK && rc != Z_BUF_ERROR) return stop(gz_.msg ? gz_.msg : "damaged gzip data");
        break;
      }
      case Kind::zstd: {
        ZSTD_inBuffer in{raw_.data(), raw_end_, raw_at_};
        ZSTD_outBuffer out{window_.data() + end_, room, 0};
        const size_t rc = ZSTD_decompressStream(zstd_, &out, &in);
        const bool moved = in.pos != raw_at_ || out.pos > 0;
        raw_at_ = in.pos;
        end_ += out.pos;
        if (ZSTD_isError(rc)) return stop(ZSTD_getErrorName(rc));
        if (moved) inside_ = rc != 0;
        break;
      }
    }
    if (raw_ended_ && raw_at_ == raw_end_ && end_ == before) {
      ended_ = true;
      if (inside_ && flaw_.empty()) flaw_ = "the compressed data end in the middle";
    }
  }
  void stop(const char* why) { ended_ = true, flaw_ = why; }

  int fd_;
  Kind kind_;
  std::vector<uint8_t> raw_, window_;
  size_t raw_at_ = 0, raw_end_ = 0, at_ = 0, end_ = 0;
  uint64_t offset_ = 0, read_ = 0, file_size_;
  bool raw_ended_ = false, ended_ = false, inside_ = false;
  std::string flaw_;
  std::atomic<bool> stop_{false};
  z_stream gz_{};
  ZSTD_DStream* zstd_ = nullptr;
};

[[noreturn]] void refuse(const std::string& path, const std::string& why) { throw std::runtime_error(path + ": " + why); }

}  // namespace

std::unique_ptr<FileOctets> open_octets(const std::string& path) {
  const int fd = path == "-" ? 0 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) refuse(path, std::strerror(errno));
  struct stat st{};
  if (fstat(fd, &st) != 0) refuse(path, std::strerror(errno));
  if (S_ISDIR(st.st_mode)) {
    close(fd);
    refuse(path, "is a directory; name a pcap or pcapng file");
  }
  const uint64_t size = S_ISREG(st.st_mode) ? uint64_t(st.st_size) : 0;
  std::vector<uint8_t> head(4);
  size_t have = 0;
  while (have < head.size()) {
    const ssize_t n = ::read(fd, head.data() + have, head.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    have += size_t(n);
  }
  head.resize(have);
  const auto starts = [&](std::initializer_list<uint8_t> magic) { return have >= magic.size() && std::equal(magic.begin(), magic.end(), head.begin()); };
  if (starts({0x1f, 0x8b})) return std::make_unique<Windowed>(fd, Windowed::Kind::gzip, head, size);
  if (starts({0x28, 0xb5, 0x2f, 0xfd})) return std::make_unique<Windowed>(fd, Windowed::Kind::zstd, head, size);
  if (S_ISREG(st.st_mode) && size > 0) {
    void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data != MAP_FAILED) {
      madvise(data, size, MADV_SEQUENTIAL);
      close(fd);
      return std::make_unique<Mapped>(static_cast<const uint8_t*>(data), size);
    }
  }
  return std::make_unique<Windowed>(fd, Windowed::Kind::plain, head, size);
}

}  // namespace vidra
