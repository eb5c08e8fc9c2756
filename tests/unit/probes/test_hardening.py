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

from image_pipeline.probes import hardening
from image_pipeline.testing import guest_answers
from image_pipeline.testing.conformance import probe as conformance

GOOD = guest_answers.recorded()
changed = guest_answers.changed


class TestProbes(conformance.ProbeConformance):
    probes = hardening.PROBES
    good = GOOD
    defects: ClassVar = [
        ('EGI-SEC-05', '', 'not-applicable', 'dpkg'),
        (
            'EGI-SEC-05',
            'unsettled=grub-pc half-configured\ncount=254\n',
            'fail',
            'grub-pc half-configured',
        ),
        ('EGI-SEC-05', 'count=0\n', 'unknown', 'no package'),
        ('EGI-SEC-08', 'profiles=\nlabels=0\n', 'fail', 'neither'),
        (
            'EGI-SEC-08',
            'apparmor=Y\nprofiles=0\nlabels=0\n',
            'fail',
            'profile',
        ),
        ('EGI-SEC-08', 'selinux=0\nprofiles=\nlabels=0\n', 'fail', 'enforce'),
        ('EGI-SEC-08', 'selinux=1\nprofiles=\nlabels=1\n', 'fail', 'no label'),
        ('EGI-SEC-08', '', 'unknown', 'confines'),
        (
            'EGI-SEC-09',
            changed('EGI-SEC-09', '640 0 /etc/shadow', '644 0 /etc/shadow'),
            'fail',
            '/etc/shadow has mode 644',
        ),
        (
            'EGI-SEC-09',
            changed('EGI-SEC-09', '1777 0 /tmp', '777 0 /tmp'),
            'fail',
            '/tmp has mode 777',
        ),
        (
            'EGI-SEC-09',
            changed('EGI-SEC-09', '440 0 /etc', '440 1000 /etc'),
            'fail',
            'is not of root',
        ),
        (
            'EGI-SEC-09',
            changed('EGI-SEC-09', '700 1000', '777 1000'),
            'fail',
            '.ssh may be written',
        ),
        ('EGI-SEC-09', '', 'unknown', 'mode'),
        (
            'EGI-SEC-10',
            changed('EGI-SEC-10', 'kptr_restrict:1', 'kptr_restrict:0'),
            'fail',
            'kernel.kptr_restrict is 0',
        ),
        ('EGI-SEC-10', 'kernel/kptr_restrict:a\n', 'unknown', 'understood'),
        (
            'EGI-SEC-10',
            changed('EGI-SEC-10', 'accept_redirects:0', 'accept_redirects:1'),
            'fail',
            'net.ipv4.conf.all.accept_redirects is 1',
        ),
        ('EGI-SEC-10', '', 'unknown', 'setting'),
        ('EGI-SEC-11', 'preload=1\nend=1\n', 'fail', 'ld.so.preload'),
        (
            'EGI-SEC-11',
            'job./var/spool/cron/crontabs/root=1\nend=1\n',
            'fail',
            'crontabs/root is a job',
        ),
        ('EGI-SEC-11', '', 'unknown', 'jobs'),
    ]
