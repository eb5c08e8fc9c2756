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

from image_pipeline.probes import cloud_init
from image_pipeline.testing import guest_answers
from image_pipeline.testing.conformance import probe as conformance

GOOD = guest_answers.recorded()


class TestProbes(conformance.ProbeConformance):
    probes = cloud_init.PROBES
    good = GOOD
    defects: ClassVar = [
        ('EGI-CI-01', '== result\n\n== log\n', 'fail', 'did not finish'),
        (
            'EGI-CI-01',
            '== result\n{"v1": {"datasource": "x", "errors": ["boom"]}}\n',
            'fail',
            'boom',
        ),
        ('EGI-CI-01', '== result\n{"v2": 1}\n', 'unknown', 'understood'),
        ('EGI-CI-01', 'noise', 'fail', 'did not finish'),
        ('EGI-CI-03', '== result\n', 'fail', 'no datasource'),
        (
            'EGI-CI-03',
            '== result\n{"v1": {"datasource": "DataSourceNoCloud [x]"}}',
            'fail',
            'NoCloud',
        ),
        ('EGI-CI-02', '', 'fail', 'did not run'),
        ('EGI-CI-02', 'there=1\nid=x\n', 'unknown', 'ds-identify'),
        (
            'EGI-CI-02',
            'there=1\nlist=[ Ec2, None ]\n',
            'fail',
            'ConfigDrive is not among Ec2, None',
        ),
        (
            'EGI-CI-02',
            'there=1\nlist=[ A, B, C, D, E, ConfigDrive, None ]\n',
            'fail',
            '7 datasources',
        ),
        ('EGI-CI-04', 'there=1\ndisabled=1\n', 'fail', 'disabled'),
        ('EGI-CI-04', 'there=1\nid=none\n', 'fail', 'none'),
        ('EGI-CI-04', '', 'fail', 'did not run'),
        ('EGI-CI-05', 'there=1\nwarning.ec2_strict=1\n', 'fail', 'ec2_strict'),
        ('EGI-CI-05', '', 'not-applicable', 'did not run'),
        ('EGI-CI-06', 'there=1\nid=nocloud\n', 'fail', 'nocloud'),
        (
            'EGI-CI-06',
            'there=1\nid=configdrive\n'
            'seed./var/lib/cloud/seed/nocloud/user-data=1\n',
            'fail',
            'nocloud/user-data',
        ),
        ('EGI-CI-06', '', 'not-applicable', 'did not run'),
    ]
