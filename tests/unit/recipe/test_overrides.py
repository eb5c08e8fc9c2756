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

import hypothesis
import yaml
from hypothesis import strategies as st

from image_pipeline.documents import nodes, text
from image_pipeline.recipe import merge, overrides, schema

RECIPE = merge.normal(
    text.parse(
        'version: 1\n'
        'image: {name: a, properties: {os_distro: debian}}\n'
        'stages:\n'
        '  - compose: {elements: [x, y], environment: {A: 1}}\n'
        '  - zerofree\n',
        'r.yaml',
        schema.KIND,
    )
)


def apply(*sets):
    node, problems = overrides.apply(RECIPE, sets)
    assert problems == []
    return node.data()


def stages(*sets):
    return apply(*sets)['stages']


def problems(*sets):
    _, found = overrides.apply(RECIPE, sets)
    return [str(problem) for problem in found]


def test_option_of_a_stage_is_set():
    compose = stages('compose.environment.A=2')[0]['compose']
    assert compose == {'elements': ['x', 'y'], 'environment': {'A': 2}}


def test_option_that_is_not_there_is_added():
    compose = stages('compose.environment.B.C=[1, "2"]')[0]['compose']
    assert compose['environment'] == {'A': 1, 'B': {'C': [1, '2']}}


def test_stage_without_options_gets_one():
    assert stages('zerofree.x=1')[1] == {'zerofree': {'x': 1}}


def test_item_of_a_list_is_set_and_taken_away():
    compose = stages('compose.elements[1]=z', 'compose.elements[0]=null')
    assert compose[0]['compose']['elements'] == ['z']


def test_null_takes_an_option_or_a_stage_away():
    assert stages('compose.environment.A=null', 'zerofree=null') == [
        {'compose': {'elements': ['x', 'y'], 'environment': {}}}
    ]


def test_stage_is_given_all_its_options_anew():
    assert stages('compose={elements: [q]}')[0] == {
        'compose': {'elements': ['q']}
    }


def test_later_one_wins():
    assert apply('image.name=b', 'image.name=c')['image']['name'] == 'c'


def test_key_with_a_dot_stands_in_quotes():
    image = apply('image.properties."org.x"=1')['image']
    assert image['properties'] == {'os_distro': 'debian', 'org.x': 1}


def test_block_that_is_not_there_is_made():
    assert apply('targets.prod.name=x')['targets'] == {'prod': {'name': 'x'}}


def test_value_may_hold_an_equals_sign():
    compose = stages('compose.environment.A="x=y"')[0]['compose']
    assert compose['environment']['A'] == 'x=y'


def test_every_problem_is_told():
    assert problems(
        'compos.x=1',
        'x',
        '=3',
        'compose.x=',
        'compose.x=[',
        'compose.elements.x=1',
        'compose.elements[2]=1',
        'compose.environment[0]=1',
        'compose.environment.a=null',
        '[0]=1',
        'a..b=1',
    ) == [
        '--set compos.x=1:1:1: the recipe has no stage "compos" (did you '
        'mean "compose"?)',
        '--set x:1:2: not of the form PATH=VALUE (such as --set '
        'compose.environment.DIB_RELEASE=trixie)',
        '--set =3:1:1: not of the form PATH=VALUE (such as --set '
        'compose.environment.DIB_RELEASE=trixie)',
        '--set compose.x=:1:11: there is no value (write "" for empty text, '
        'or null to take the value away)',
        "--set compose.x=[:1:12: not valid YAML: expected the node content, "
        "but found '<stream end>' while parsing a flow node",
        '--set compose.elements.x=1:1:1: compose.elements is not a mapping '
        'but ["x", "y"] (set it as a whole: compose.elements=…)',
        '--set compose.elements[2]=1:1:1: compose.elements has 2 items, and '
        '[2] is none of them (the first one is [0])',
        '--set compose.environment[0]=1:1:1: compose.environment is not a '
        'list but {"A": 1} (set it as a whole: compose.environment=…)',
        '--set compose.environment.a=null:1:1: there is no '
        'compose.environment.a to take away (did you mean "A"?)',
        '--set [0]=1:1:4: not of the form PATH=VALUE (such as --set '
        'compose.environment.DIB_RELEASE=trixie)',
        '--set a..b=1:1:2: not of the form PATH=VALUE (such as --set '
        'compose.environment.DIB_RELEASE=trixie)',
    ]


_KEY = st.text(
    st.characters(codec='utf-8', exclude_characters='"\0'), max_size=6
)
_VALUE = st.recursive(
    st.booleans() | st.integers() | st.text('ab: -#', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text('abc', max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@hypothesis.given(st.lists(_KEY, min_size=1, max_size=4), _VALUE)
def test_what_is_set_is_what_is_there(keys, value):
    path = ''.join(f'."{key}"' for key in keys)
    written = yaml.safe_dump(value, default_flow_style=True, width=10**6)
    found = stages(f'compose{path}={written}')[0]['compose']
    for key in keys:
        found = found[key]
    assert found == value


@hypothesis.given(
    st.text(st.sampled_from('ab.[]0"=:{}, compose&*'), max_size=30)
)
def test_any_argument_is_applied_or_told(argument):
    node, found = overrides.apply(RECIPE, [argument])
    assert isinstance(node, nodes.Node)
    for problem in found:
        assert problem.file.startswith('--set') and problem.message
