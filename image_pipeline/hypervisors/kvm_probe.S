/*
 * Licensed under the Apache License, Version 2.0 (the "License"); you may
 * not use this file except in compliance with the License. You may obtain
 * a copy of the License at
 *
 *      http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
 * WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
 * License for the specific language governing permissions and limitations
 * under the License.
 */

/*
 * The guest that tells whether an accelerator is one: a Multiboot kernel
 * that does what a stock kernel does first, and then says so on the serial
 * port.  It turns on paging and long mode, runs sixteen million loops, writes
 * 32 MiB of fresh memory, and halts until the timer woke it ten times.
 *
 * The bytes in acceleration.py are made of it; a test compares them:
 *
 *     as --64 -o kvm_probe.o kvm_probe.S
 *     ld -m elf_x86_64 -Ttext 0x100000 --oformat binary \
 *         -e start -o kvm_probe.bin kvm_probe.o
 */
        .set    BASE, 0x100000
        .set    TABLES, 0x200000        /* page tables: three pages */
        .set    IDT, 0x203000
        .set    STACK, 0x210000
        .set    MEMORY, 0x1000000       /* what is written: 32 MiB */
        .set    PORT, 0x3f8

        .text
        .code32
        .globl  start
header:
        .long   0x1badb002, 0x00010000, -(0x1badb002 + 0x00010000)
        .long   BASE, BASE, 0, 0, start
start:
        cli
        cld
        /* Identity-map the first gigabyte in pages of 2 MiB. */
        movl    $TABLES, %edi
        xorl    %eax, %eax
        movl    $(3 * 1024), %ecx
        rep stosl
        movl    $(TABLES + 0x1000 + 3), TABLES
        movl    $(TABLES + 0x2000 + 3), TABLES + 0x1000
        movl    $(TABLES + 0x2000), %edi
        movl    $0x83, %eax
        movl    $512, %ecx
1:      movl    %eax, (%edi)
        addl    $0x200000, %eax
        addl    $8, %edi
        loop    1b
        /* PAE, the tables, long mode, paging. */
        movl    $0x20, %eax
        movl    %eax, %cr4
        movl    $TABLES, %eax
        movl    %eax, %cr3
        movl    $0xc0000080, %ecx
        rdmsr
        orl     $0x100, %eax
        wrmsr
        movl    %cr0, %eax
        orl     $0x80000001, %eax
        movl    %eax, %cr0
        lgdt    gdtr
        ljmp    $8, $long

        .code64
long:
        movl    $16, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        movl    $STACK, %esp
        /* Software emulation needs a fifth of a second for it, an
         * accelerator a hundredth, one that interprets each instruction in
         * the kernel half a minute and more. */
        movl    $16000000, %ecx
1:      decl    %ecx
        jnz     1b
        movl    $MEMORY, %edi
        movl    $(32 << 17), %ecx
        rep stosq
        /* Ten ticks of the timer: PIT channel 0 at 1 kHz, by the PIC. */
        movl    $(IDT + 0x20 * 16), %edi
        movl    $tick, %eax
        movw    %ax, (%rdi)
        movw    $8, 2(%rdi)
        movw    $0x8e00, 4(%rdi)
        shrl    $16, %eax
        movw    %ax, 6(%rdi)
        movl    $0, 8(%rdi)
        lidt    idtr
        movb    $0x11, %al
        outb    %al, $0x20
        movb    $0x20, %al
        outb    %al, $0x21
        movb    $4, %al
        outb    %al, $0x21
        movb    $1, %al
        outb    %al, $0x21
        movb    $0xfe, %al              /* nothing but the timer */
        outb    %al, $0x21
        movb    $0xff, %al
        outb    %al, $0xa1
        movb    $0x34, %al
        outb    %al, $0x43
        movb    $0xa9, %al              /* 1193182 Hz / 1000 */
        outb    %al, $0x40
        movb    $0x04, %al
        outb    %al, $0x40
        xorl    %ebx, %ebx
1:      sti
        hlt
        cmpl    $10, %ebx
        jb      1b
        cli
        /* Say so, and end QEMU by its isa-debug-exit device: status 33. */
        movl    $mark, %esi
        movl    $PORT, %edx
1:      lodsb
        testb   %al, %al
        jz      2f
        outb    %al, %dx
        jmp     1b
2:      movb    $16, %al
        outb    %al, $0xf4
3:      hlt
        jmp     3b

tick:
        incl    %ebx
        movb    $0x20, %al
        outb    %al, $0x20
        iretq

        .balign 8
gdt:    .quad   0
        .quad   0x00af9a000000ffff      /* 8: code, 64 bits */
        .quad   0x00cf92000000ffff      /* 16: data */
gdtr:   .word   gdtr - gdt - 1
        .quad   gdt
idtr:   .word   0x21 * 16 - 1
        .quad   IDT
mark:   .asciz  "image-pipeline: accelerated\r\n"
