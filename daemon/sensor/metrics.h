// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "daemon/sensor/pipeline.h"

namespace vidra {

// How the sensor is, in Prometheus' text format 0.0.4. Times are epoch seconds; what cannot be known is left out, never zero.
std::string metrics_text(const SensorStatus&, const std::string& sensor, const std::string& fingerprint);

// One unix socket in the run directory. Whoever may connect gets the text and nothing else; nobody can say anything that is acted upon. A client that
// begins with GET is answered as HTTP. One at a time, at most a second each.
class MetricsSocket {
 public:
  MetricsSocket() = default;
  ~MetricsSocket() { stop(); }
  MetricsSocket(const MetricsSocket&) = delete;
  std::string open(const std::string& path);                      // "" or why not; a socket that was left there is replaced
  void start(std::function<std::string()> text);
  void stop();

 private:
  void serve();
  std::string path_;
  int fd_ = -1;
  std::atomic<bool> over_{false};
  std::function<std::string()> text_;
  std::thread thread_;
};

}  // namespace vidra
