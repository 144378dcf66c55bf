// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>

#include "daemon/base/clock.h"
#include "daemon/base/output.h"
#include "daemon/base/text.h"
#include "daemon/evidence/export.h"
#include "daemon/evidence/manifest.h"
#include "daemon/report/words.h"
#include "daemon/sensor/settings.h"
#include "daemon/tool/commands.h"
#include "daemon/tool/table.h"

namespace vidra {
namespace {

struct EvidenceOptions {
  std::string config = "/etc/vidra/vidra.toml", folder, story, file, by;
  std::vector<std::string> keys;
  bool verify = false, pin = false, unpin = false, all = false;
};

int fail(const std::string& what, int status = exit_failed) { return fmt::print(stderr, "vidra: {}\n", printable(what)), status; }

// Where evidence lies, who may have signed it, how much may be pinned.
struct Place {
  std::string folder, stories;
  std::vector<std::string> keys;
  uint64_t pinned = EvidenceSettings{}.pinned;
  bool kept = true;                        // the settings say so
};

std::optional<Place> place_of(const EvidenceOptions& o) {
  Place p;
  p.keys = o.keys;
  std::string public_keys;
  if (!o.folder.empty()) {
    p.folder = o.folder;
  } else {
    Problems problems;
    const SensorSettings s = load_settings(o.config, problems);
    if (!problems.empty()) {
      for (const std::string& problem : problems) fail(problem);
      return fail("where the packets lie is in these settings; or name the folder: vidra evidence --folder /var/lib/vidra/evidence"), std::nullopt;
    }
    p.folder = evidence_folder(s), p.pinned = s.evidence.pinned, p.kept = s.evidence.keep;
    public_keys = s.state + "/sensor.keys.pub";
  }
  p.stories = p.folder + "/stories";
  if (p.keys.empty() && !public_keys.empty()) {
    std::ifstream in(public_keys);
    for (std::string line; std::getline(in, line);)
      if (line.starts_with("sign-public ")) p.keys.push_back(line.substr(12));
  }
  return p;
}

std::string state_of(const KeptSet& s) {
  const Manifest& m = s.manifest;
  if (m.file.empty()) return "no packets";
  if (s.evicted) return "evicted";
  if (!s.on_disk) return "GONE";
  return s.pinned ? "pinned" : "";
}

int list(const Place& p, const std::vector<KeptSet>& all, bool everything) {
  Table t({"no.", "made", "story", "detection", "sev", "what", "packets", "size", ""});
  size_t shown = 0, left = 0;
  uint64_t octets = 0;
  for (const KeptSet& s : all) {
    const Manifest& m = s.manifest;
    if (m.kind != Manifest::Kind::kept) continue;
    octets += s.on_disk;
    if (!everything && s.evicted) {
      left++;
      continue;
    }
    shown++;
    t.add({std::to_string(m.number), iso_time(m.made, 0), m.story.substr(0, 8) + (m.part > 1 ? fmt::format(" part {}", m.part) : ""), m.detection, std::to_string(m.severity), printable(m.what),
           m.packets ? std::to_string(m.packets) : "", m.file.empty() ? "" : human_bytes(m.octets), state_of(s)});
  }
  if (shown) fmt::print("{}", t.text(width_of(STDOUT_FILENO), isatty(STDOUT_FILENO)));
  fmt::print("{}{} sets of packets, {}, in {}{}\n", shown ? "\n" : "", shown, human_bytes(octets), p.stories, left ? fmt::format("; {} more were evicted (--all)", left) : "");
  return exit_done;
}

// The story that is meant: its id, or the beginning of only one.
std::optional<std::string> story_of(const std::string& text, const std::vector<KeptSet>& all) {
  std::vector<std::string> found;
  for (const KeptSet& s : all)
    if (!s.manifest.story.empty() && s.manifest.story.starts_with(text) && std::find(found.begin(), found.end(), s.manifest.story) == found.end()) found.push_back(s.manifest.story);
  if (found.size() == 1) return found[0];
  if (found.empty()) return fail(fmt::format("there is no evidence of a story {}; `vidra evidence --all` lists all that there is. Alerts below [evidence] severity have none, and those of the sensor's own health", text)), std::nullopt;
  return fail(fmt::format("{} begins the ids of {} stories: {}", text, found.size(), fmt::join(found, ", "))), std::nullopt;
}

int show(const Place& p, const std::vector<KeptSet>& all, const std::string& story) {
  size_t bad = 0;
  bool first = true;
  std::string readable;
  const std::vector<std::string> chain = chain_flaws(all);
  for (const KeptSet& s : all) {
    const Manifest& m = s.manifest;
    if (m.story != story) continue;
    if (first) fmt::print("{}", printable(fmt::format("story {}: {}, severity {}", m.story, m.detection, m.severity)) + "\n" + printable(fmt::format("{} to {}: {}", m.source.empty() ? "-" : m.source, m.target.empty() ? "-" : m.target, m.what)) + "\n");
    first = false;
    fmt::print("\npart {}, manifest {} of {}, of sensor {}\n", m.part, m.number, iso_time(m.made, 0), printable(m.sensor_name.empty() ? m.sensor : m.sensor_name));
    if (!m.file.empty()) {
      fmt::print("  {}/{}\n  {} packets, {} of them deciding, {}; from {} to {}\n", p.stories, printable(m.file), m.packets, m.deciding, human_bytes(m.octets), iso_time(m.from), iso_time(m.until));
      if (s.on_disk) readable = p.stories + "/" + m.file;
    }
    if (s.pinned) fmt::print("  pinned: it stays until somebody says --unpin\n");
    if (s.evicted) fmt::print("  evicted for want of room, as a later manifest says; what it was stays on record\n");
    for (const std::string& what : m.missing) fmt::print("  missing: {}\n", printable(what));
    std::vector<std::string> flaws = flaws_of(real_storage(), p.stories, s, p.keys);
    for (const std::string& f : chain)
      if (f.find(s.name + ".json") != f.npos) flaws.push_back(f);
    for (const std::string& f : flaws) fmt::print("  NOT VERIFIED: {}\n", printable(f));
    bad += flaws.size();
    if (flaws.empty())
      fmt::print("  verified: {}signed by {} ({}), follows the manifest before it\n", s.on_disk ? "SHA-256 is right, " : "", m.key.substr(0, 16), p.keys.empty() ? "any key was accepted: --key KEY compares it" : "this sensor's key");
  }
  if (!readable.empty()) fmt::print("\nread it: vidra decode {0}    or wireshark {0}\n", readable);
  fmt::print("hand it over: vidra evidence {0} --export {0}.tar    keep it for good: vidra evidence {0} --pin\n", story.substr(0, 8));
  return bad ? exit_failed : exit_done;
}

int verify(const Place& p, const std::vector<KeptSet>& all, std::vector<std::string> flaws) {
  size_t files = 0, gone = 0;
  for (const KeptSet& s : all) {
    for (std::string& f : flaws_of(real_storage(), p.stories, s, p.keys)) flaws.push_back(std::move(f));
    files += s.on_disk > 0, gone += s.evicted;
  }
  for (const std::string& f : chain_flaws(all)) flaws.push_back(p.stories + "/" + f);
  for (const std::string& f : flaws) fmt::print("{}\n", printable(f));
  const std::string range = all.empty() ? "" : fmt::format(" (numbers {} to {})", all.front().manifest.number, all.back().manifest.number);
  fmt::print("{} manifests{}, {} files, {} evicted by their manifests; {}\n", all.size(), range, files, gone,
             flaws.empty() ? "every signature, hash and link of the chain is right" : fmt::format("{} things are WRONG", flaws.size()));
  if (p.keys.empty() && !all.empty()) fmt::print("signed by {}; any key was accepted, --key KEY compares it\n", all.back().manifest.key);
  return flaws.empty() ? exit_done : exit_failed;
}

// The folder of the pins. Root may type this in a folder of the sensor's user: no link is followed there, nothing that exists is written to.
struct Pins {
  explicit Pins(const std::string& stories) {
    const int there = ::open(stories.c_str(), flags);
    if (there >= 0) fd = ::openat(there, "pinned", flags);
    error = errno;
    if (there >= 0) ::close(there);
  }
  ~Pins() { if (fd >= 0) ::close(fd); }
  Pins(const Pins&) = delete;
  static constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int fd = -1, error = 0;
};

int pin(const EvidenceOptions& o, const Place& p, const std::vector<KeptSet>& all, const std::string& story) {
  const std::string path = p.stories + "/pinned/" + story;
  const Pins pins(p.stories);
  if (pins.fd < 0)
    return fail(fmt::format("{}/pinned: {}; {}", p.stories, std::strerror(pins.error), pins.error == ELOOP || pins.error == ENOTDIR ? "it is a link, which is not followed: look who made it, then rm it and mkdir it anew"
                                                                                                    : "you may need to be root: sudo vidra evidence " + story.substr(0, 8) + (o.unpin ? " --unpin" : " --pin")));
  if (o.unpin) {
    if (::unlinkat(pins.fd, story.c_str(), 0) == 0) return fmt::print("{} is not pinned any more; its packets go when they are the oldest and room is needed\n", story), exit_done;
    return fail(errno == ENOENT ? fmt::format("{} is not pinned", story) : fmt::format("{}: {}; you may need to be root", path, std::strerror(errno)));
  }
  uint64_t here = 0, pinned = 0;
  for (const KeptSet& s : all) {
    if (s.manifest.story == story) here += s.on_disk;
    else if (s.pinned) pinned += s.on_disk;
  }
  if (!here) return fail(fmt::format("no packets of {} lie here any more; there is nothing to pin", story));
  if (here + pinned > p.pinned)
    return fail(fmt::format("{} are pinned, this is {}, and [evidence] pinned allows {}: hand something over (vidra evidence ID --export FILE) and --unpin it, or allow more", human_bytes(pinned), human_bytes(here), human_bytes(p.pinned)));
  std::string by = o.by;
  if (by.empty()) {
    const char* who = std::getenv("SUDO_USER");
    const passwd* user = who && *who ? nullptr : ::getpwuid(::getuid());
    by = user ? user->pw_name : who ? who : "somebody";
  }
  const std::string text = fmt::format("pinned by {} at {}\n", by, iso_time(wall_now(), 0));
  const int fd = ::openat(pins.fd, story.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
  if (fd < 0 && errno == EEXIST) return fmt::print("{} was pinned before ({}); its packets stay until somebody says --unpin\n", story, path), exit_done;
  if (fd < 0) return fail(fmt::format("{}: {}; you may need to be root", path, std::strerror(errno)));
  struct stat folder{};
  const bool done = ::fstat(pins.fd, &folder) == 0 && (::geteuid() != 0 || ::fchown(fd, folder.st_uid, folder.st_gid) == 0) && ::fchmod(fd, 0640) == 0 &&
                    ::write(fd, text.data(), text.size()) == ssize_t(text.size()) && ::fsync(fd) == 0 && ::fsync(pins.fd) == 0;
  const int error = errno;
  ::close(fd);
  if (!done) return ::unlinkat(pins.fd, story.c_str(), 0), fail(fmt::format("{}: {}", path, std::strerror(error)));
  for (const KeptSet& s : all)             // the sensor may have looked at the pins just before
    if (s.manifest.story == story && s.on_disk && ::access((p.stories + "/" + s.manifest.file).c_str(), F_OK) != 0)
      fail(fmt::format("{}: it went for want of room before the pin was there", s.manifest.file));
  fmt::print("{} is pinned: {} stay until somebody says --unpin\n", story, human_bytes(here));
  return exit_done;
}

int hand_over(const EvidenceOptions& o, const Place& p, const std::vector<KeptSet>& all, const std::string& story) {
  std::vector<std::string> flaws;
  std::vector<const KeptSet*> sets;
  for (const KeptSet& s : all)
    if (s.manifest.story == story) {
      sets.push_back(&s);
      for (std::string& f : flaws_of(real_storage(), p.stories, s, p.keys)) flaws.push_back(std::move(f));
    }
  std::string why;
  const std::string archive = export_archive(real_storage(), p.stories, sets, wall_now(), why);
  if (archive.empty()) return fail(why);
  const int fd = ::open(o.file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return fail(errno == EEXIST ? fmt::format("{} is there already; name another file", o.file) : fmt::format("{}: {}", o.file, std::strerror(errno)));
  for (std::string_view rest = archive; !rest.empty();) {
    const ssize_t n = ::write(fd, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const int error = errno;
      ::close(fd), ::unlink(o.file.c_str());
      return fail(fmt::format("{}: {}", o.file, std::strerror(error)));
    }
    rest.remove_prefix(size_t(n));
  }
  const bool synced = ::fsync(fd) == 0 || errno == EINVAL;                 // a pipe cannot be
  const int error = errno;
  ::close(fd);
  if (!synced) return fail(fmt::format("{}: {}", o.file, std::strerror(error)));
  for (const std::string& f : flaws) fail("NOT VERIFIED: " + f);
  fmt::print("{}: {} in {} parts, {}\nSHA-256 {}\nIt holds whole packets: what was said in them, passwords too. HOW-TO-VERIFY.txt in it needs only sha256sum and openssl.\n", o.file, story, sets.size(), human_bytes(archive.size()),
             sha256_text({reinterpret_cast<const uint8_t*>(archive.data()), archive.size()}));
  return flaws.empty() ? exit_done : exit_failed;
}

int run(const EvidenceOptions& o) {
  if (sodium_init() < 0) return fail("no random numbers on this machine");
  if (o.story.empty() && (o.pin || o.unpin || !o.file.empty())) return fail("of which story? vidra evidence ID --pin; `vidra evidence` lists them", exit_usage);
  const auto p = place_of(o);
  if (!p) return exit_failed;
  std::vector<std::string> flaws;
  const std::vector<KeptSet> all = read_sets(real_storage(), p->stories, flaws);
  if (all.empty() && ::access(p->stories.c_str(), R_OK) != 0) {
    const int error = errno;
    if (error == ENOENT && !p->kept) return fail(fmt::format("{}: [evidence] keep is false, no packets are kept; keep = true there, then systemctl restart vidra-sensor", o.config));
    return fail(fmt::format("{}: {}; {}", p->stories, std::strerror(error), error == EACCES ? "it is for root and the group vidra" : "the sensor makes it when it starts with [evidence] keep = true"));
  }
  if (o.story.empty() && o.verify) return verify(*p, all, std::move(flaws));
  for (const std::string& f : flaws) fail(f);
  if (o.story.empty()) return list(*p, all, o.all);
  const auto story = story_of(o.story, all);
  if (!story) return exit_failed;
  if (o.pin || o.unpin) return pin(o, *p, all, *story);
  if (!o.file.empty()) return hand_over(o, *p, all, *story);
  return show(*p, all, *story);
}

}  // namespace

void add_evidence(CommandLine app, int& status) {
  const CommandLine c = app.command("evidence", "the packets that prove an alert: where they lie, whether they are what they were, to pin and to hand over");
  auto o = std::make_shared<EvidenceOptions>();
  c.option("STORY", o->story, "the alert's id, or its beginning; absent: all are listed");
  c.flag("--verify", o->verify, "every signature, hash and link of the chain; names what is wrong");
  const Option pin = c.flag("--pin", o->pin, "its packets stay, whatever else needs room");
  const Option unpin = c.flag("--unpin", o->unpin, "they may go again");
  const Option file = c.option("--export", o->file, "everything of it into this file (tar), for a CERT or the police");
  pin.excludes(unpin).excludes(file);
  unpin.excludes(file);
  c.option("--by", o->by, "who pins it; absent: the user");
  c.flag("--all", o->all, "list also what was evicted");
  c.option("--key", o->keys, "only this signing key (64 hexadecimal digits) is accepted; absent: this sensor's");
  c.option("--folder", o->folder, "where evidence lies, instead of what the settings say; for a copy");
  c.option("--config", o->config, "the sensor's settings").shows_default();
  c.footer("Examples:\n  vidra evidence\n  vidra evidence 3f2a91c0\n  vidra evidence 3f2a91c0 --pin --by \"N. N.\"\n  vidra evidence 3f2a91c0 --export case-117.tar\n  vidra evidence --verify\n"
            "It reads files only, and changes none but the pins. The sensor never sends packets anywhere. Exit status 1 where something is wrong.");
  c.runs([o, &status] { status = run(*o); });
}

}  // namespace vidra
