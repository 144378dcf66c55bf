// SPDX-License-Identifier: Apache-2.0
// Detections of values. The tolerances of those that several devices tell are the site's: [[quantity]].
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Threshold again[] = {
    {"run", 64, "values", "So many changes of measured values come again in the same order."},
};
constexpr Threshold beyond[] = {
    {"margin", 50, "%", "So much of its declared range a value must lie beyond it: limits in lists are often those at which an operator is warned."},
    {"settle", 30, "s", "So long it must stay there: faults and switching are shorter."},
};

constexpr Detection rows[] = {
    {"VAL-01", "Devices that measure the same disagree", 4, Audience::security, "T0856", "information-content-security:unauthorised-information-modification",
     "Several devices tell the same quantity, and one of them does not say what the others say. A transducer is out of order, or what is reported is not what is measured.",
     "Look at the quantity with a third instrument, or on the spot. Compare what the device's own display shows with what it reports.",
     "Raise `tolerance`, `percent` or `settle` of its `[[quantity]]`."},
    {"VAL-02", "Value stands still while its neighbours move", 4, Audience::security, "T0856", "information-content-security:unauthorised-information-modification",
     "The same quantity moves elsewhere and not here. Somebody repeats an old value to hide what happens, a gateway no longer hears its device, or a deadband is too wide.",
     "Look whether the device behind the gateway still answers. Compare its own display with what is reported.",
     "Raise `tolerance` or `settle` of its `[[quantity]]` above the deadband of the slowest member."},
    {"VAL-03", "Measured values are a recording", 4, Audience::security, "T0856", "information-content-security:unauthorised-information-modification",
     "A station tells the same long series of measured values that it told before. Measurement has noise and never does; whoever plays a recording hides what happens meanwhile, as Stuxnet did.",
     "Compare the device's own display with what it reports. Look for a second sender between the device and its master; ask whether a test generator is connected.",
     "`[detection.VAL-03]\nrun = 256` for coarse values that repeat themselves; works of a test are a `[[window]]`.", again},
    {"VAL-04", "Devices tell the position of one switch differently", 4, Audience::security, "T0832", "information-content-security:unauthorised-information-modification",
     "One device says that a switch is open, another that it is closed. A contact or a gateway is out of order, or somebody falsifies or holds back what the control centre sees before he does more.",
     "Look at the switch on the spot, or at the relay's own display. Nobody switches by the remote picture until it is clear.",
     "Raise `settle` of its `[[quantity]]` above the slowest way of a message; correct its `[[quantity.member]]` where one is another switch."},
    {"VAL-05", "Measured value far outside its range", 3, Audience::security, "T0856", "information-content-security:unauthorised-information-modification",
     "A value that its device calls good lies where the process cannot be. A transducer is out of order, or somebody writes what the control centre is to believe.",
     "Compare with the device's own display and with neighbouring values.",
     "Correct `min`, `max` and `scale` of its point, or `[detection.VAL-05]\nmargin = 200`.", beyond},
};

}  // namespace
extern constexpr Family values_family{"Values: told by several devices, and told again", rows};
}  // namespace vidra
