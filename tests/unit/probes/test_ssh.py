# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

from typing import ClassVar

from image_pipeline.probes import ssh
from image_pipeline.testing import guest_answers
from image_pipeline.testing.conformance import probe as conformance

GOOD = guest_answers.recorded()
changed = guest_answers.changed


class TestProbes(conformance.ProbeConformance):
    probes = ssh.PROBES
    good = GOOD
    defects: ClassVar = [
        ('EGI-SSH-02', 'passwordauthentication yes\n', 'fail', 'yes'),
        ('EGI-SSH-02', '', 'not-applicable', 'sshd'),
        ('EGI-SSH-03', 'permitrootlogin yes\n', 'fail', 'permitrootlogin'),
        ('EGI-SSH-03', '', 'not-applicable', 'sshd'),
        (
            'EGI-SSH-05',
            changed(
                'EGI-SSH-05',
                'clientaliveinterval 120',
                'clientaliveinterval 0',
            ),
            'fail',
            'ClientAliveInterval is 0',
        ),
        (
            'EGI-SSH-05',
            changed('EGI-SSH-05', 'maxauthtries 4', 'maxauthtries 6'),
            'fail',
            'MaxAuthTries is 6',
        ),
        (
            'EGI-SSH-05',
            changed('EGI-SSH-05', 'logingracetime 60', 'logingracetime 0'),
            'fail',
            'LoginGraceTime is 0',
        ),
        (
            'EGI-SSH-05',
            changed('EGI-SSH-05', 'x11forwarding no', 'x11forwarding yes'),
            'fail',
            'X11Forwarding',
        ),
        (
            'EGI-SSH-05',
            changed('EGI-SSH-05', ',aes128-ctr', ',aes128-cbc'),
            'fail',
            'aes128-cbc',
        ),
        ('EGI-SSH-05', '', 'not-applicable', 'sshd'),
        ('EGI-SSH-04', '', 'fail', 'no SSH host keys'),
        (
            'EGI-SSH-04',
            'ssh_host_rsa_key=644 10\n',
            'fail',
            'read by everybody',
        ),
        ('EGI-SSH-04', 'ssh_host_rsa_key=600 0\n', 'fail', 'empty'),
        ('EGI-SSH-04', 'ssh_host_dsa_key=600 9\n', 'fail', 'no ed25519'),
    ]
