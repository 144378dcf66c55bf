# SPDX-License-Identifier: Apache-2.0
"""HART-IP messages by id and type, commands in token-passing PDUs."""
import collections

IDS = {0: 'session initiate', 1: 'session close', 2: 'keep alive', 3: 'token-passing PDU', 4: 'direct PDU', 5: 'read audit log'}


def theirs(truth):
    out = collections.Counter()
    t = truth.get('hart') or {}
    for message, n in t.get('msg', {}).items():
        out[f'hartip {IDS[int(message.split(" / ")[1].split(":")[0])]}'] += n
    for command, n in t.get('pt_command', {}).items():
        out[f'hartip command {command}'] += n
    return out


def ours(protocols):
    out = collections.Counter()
    p = protocols.get('hartip')
    if p:
        for frame, n in p.get('frames', {}).items():
            if frame != 'inner':
                out[f'hartip {frame}'] += n
        for function, f in p['functions'].items():
            if int(function) < 0xFF00:
                out[f'hartip command {function}'] += f['records']
    return out
