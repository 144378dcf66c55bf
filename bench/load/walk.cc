// SPDX-License-Identifier: Apache-2.0
// The bare header walk that the pipeline is measured against: a mapped pcap file, Ethernet, VLAN, IPv4 and TCP headers read
// and summed, nothing kept.
//
//   walk FILE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: walk FILE\n"), 2;
  const int fd = open(argv[1], O_RDONLY);
  struct stat st{};
  if (fd < 0 || fstat(fd, &st) != 0) return std::perror(argv[1]), 1;
  const size_t size = size_t(st.st_size);
  const auto* data = static_cast<const uint8_t*>(mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0));
  if (data == MAP_FAILED) return std::perror("mmap"), 1;
  uint64_t packets = 0, sum = 0;
  for (size_t at = 24; at + 16 <= size;) {
    uint32_t captured;
    std::memcpy(&captured, data + at + 8, 4);
    const uint8_t* p = data + at + 16;
    if (at + 16 + captured > size) break;
    at += 16 + captured;
    packets++;
    if (captured < 14) continue;
    size_t here = 12;
    uint16_t type = uint16_t(p[here] << 8 | p[here + 1]);
    while (type == 0x8100 && here + 6 <= captured) here += 4, type = uint16_t(p[here] << 8 | p[here + 1]);
    here += 2;
    if (type != 0x0800 || here + 20 > captured) continue;
    const size_t ip = size_t(p[here] & 15) * 4;
    uint32_t source, destination;
    std::memcpy(&source, p + here + 12, 4);
    std::memcpy(&destination, p + here + 16, 4);
    sum += source ^ destination;
    if (p[here + 9] != 6 || here + ip + 20 > captured) continue;
    uint32_t ports, sequence;
    std::memcpy(&ports, p + here + ip, 4);
    std::memcpy(&sequence, p + here + ip + 4, 4);
    sum += ports + sequence + p[here + ip + 13];
  }
  std::printf("%llu packets, sum %llx\n", static_cast<unsigned long long>(packets), static_cast<unsigned long long>(sum));
}
